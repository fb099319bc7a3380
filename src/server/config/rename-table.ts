// rename-command: the command table under other names. Renames apply one after the other, so a
// later line sees the names that an earlier one made.

/** A new name for a command; '' takes the command away. Names are lower case. */
export type RenameRecord = Readonly<Record<string, string>>;

/** Collects `rename-command` lines. Original name → name to use now, '' when there is none. */
export class RenameTable {
  readonly #byOriginal = new Map<string, string>();
  readonly #isCommand: (name: string) => boolean;

  /** `isCommand` tells whether a lower-case name is in the server's own command table. */
  constructor(isCommand: (name: string) => boolean) {
    this.#isCommand = isCommand;
  }

  /** Adds one line; the text returned is why it is refused. O(number of renames). */
  add(from: string, to: string): string | null {
    const [source, target] = [from.toLowerCase(), to.toLowerCase()];
    const original = this.#originalOf(source);
    if (original === null) return 'No such command in rename-command';
    const freed = original === target;
    if (target !== '' && !freed && this.#originalOf(target) !== null) {
      return 'Target command name already exists';
    }
    if (freed) this.#byOriginal.delete(original);
    else this.#byOriginal.set(original, target);
    return null;
  }

  /** The original name of the command that is now called `name`, or null. */
  #originalOf(name: string): string | null {
    for (const [original, shown] of this.#byOriginal) if (shown === name) return original;
    return !this.#byOriginal.has(name) && this.#isCommand(name) ? name : null;
  }

  toRecord(): RenameRecord {
    return Object.fromEntries(this.#byOriginal);
  }
}

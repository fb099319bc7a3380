/**
 * The log of refused commands and of failed logins: ACL LOG.
 *
 * Threads note refusals on their own, so that nobody can flood main with messages by being refused.
 * Main collects what they have noted when somebody asks, and gives the entries their numbers then.
 * Entries about the same thing are one entry with a count, when they are not far apart.
 */

export type DenialReason = 'command' | 'key' | 'channel' | 'auth';
export type DenialContext = 'toplevel' | 'multi' | 'lua';

/** What was refused. Texts are byte strings. */
export interface Denial {
  readonly reason: DenialReason;
  readonly context: DenialContext;
  /** Name of the command, key or channel. */
  readonly object: string;
  readonly username: string;
  readonly clientInfo: string;
  readonly atMs: number;
}

/** Refusals that are alike. */
export interface DenialGroup extends Omit<Denial, 'atMs'> {
  count: number;
  readonly createdMs: number;
  updatedMs: number;
  clientInfo: string;
}

/** What a thread has noted since it was asked last. */
export interface NotedDenials {
  /** The newest first. */
  readonly groups: readonly DenialGroup[];
  /** What was logged before is gone: `acllog-max-len` was 0. */
  readonly wipes: boolean;
}

export interface AclLogEntry extends DenialGroup {
  readonly id: number;
}

/** Entries of the same kind within this time are one. */
const GROUP_MS_MAX = 60_000;
/** So many of the newest entries are looked at for one of the same kind. */
const GROUP_SCAN_MAX = 10;

function isAlike(a: DenialGroup, b: DenialGroup): boolean {
  return (
    a.reason === b.reason &&
    a.context === b.context &&
    Math.abs(a.updatedMs - b.updatedMs) <= GROUP_MS_MAX &&
    a.object === b.object &&
    a.username === b.username
  );
}

/** Puts a group in front, within one like it where there is one. True: it was merged. */
function add<T extends DenialGroup>(list: T[], group: T): boolean {
  const scanned = Math.min(list.length, GROUP_SCAN_MAX);
  for (let at = 0; at < scanned; at++) {
    const known = list[at]!;
    if (!isAlike(known, group)) continue;
    list.splice(at, 1);
    list.unshift(known);
    known.count += group.count;
    known.updatedMs = Math.max(known.updatedMs, group.updatedMs);
    known.clientInfo = group.clientInfo;
    return true;
  }
  list.unshift(group);
  return false;
}

/** What one thread notes. */
export class DenialNotes {
  readonly #groups: DenialGroup[] = [];
  #wipes = false;

  /** `lengthMax` is `acllog-max-len`; 0 empties the log. O(GROUP_SCAN_MAX). */
  note({ atMs, ...denial }: Denial, lengthMax: number): void {
    if (lengthMax === 0) {
      this.#groups.length = 0;
      this.#wipes = true;
      return;
    }
    add(this.#groups, { ...denial, count: 1, createdMs: atMs, updatedMs: atMs });
    if (this.#groups.length > lengthMax) this.#groups.length = lengthMax;
  }

  /** Hands over what was noted and forgets it. */
  drain(): NotedDenials {
    const noted = { groups: this.#groups.splice(0), wipes: this.#wipes };
    this.#wipes = false;
    return noted;
  }
}

/** Main's log, the newest entry first. */
export class AclLog {
  readonly #entries: AclLogEntry[] = [];
  #nextId = 0;

  /** Takes over what the threads have noted. O(groups × GROUP_SCAN_MAX). */
  collect(all: readonly NotedDenials[], lengthMax: number): void {
    if (all.some(({ wipes }) => wipes)) this.#entries.length = 0;
    // The oldest first, in the order of their thread where the clock cannot tell.
    const groups = all.flatMap((noted) => noted.groups.toReversed());
    groups.sort((a, b) => a.updatedMs - b.updatedMs || a.createdMs - b.createdMs);
    for (const group of groups) {
      if (!add(this.#entries, { ...group, id: this.#nextId })) this.#nextId += 1;
    }
    // A limit that was lowered holds from the next refusal on.
    const kept = Math.max(lengthMax, groups.length);
    if (groups.length > 0 && this.#entries.length > kept) this.#entries.length = kept;
  }

  /** The newest `count` entries. */
  newest(count: number): readonly AclLogEntry[] {
    return this.#entries.slice(0, Math.max(count, 0));
  }

  reset(): void {
    this.#entries.length = 0;
  }
}

/**
 * The `syntax` of a command as a tree: what COMMAND DOCS shows as `arguments` and redis-cli makes
 * its hints from.
 *
 * NOTATION
 *   key               a value; its type follows from its name or stands behind a colon:
 *                     `value:integer`
 *   destination@2     a key that the third key specification finds: without a number they are
 *                     taken in order
 *   NX  'lib-name'    a token: a word without lower-case letters, or a quoted one
 *   [ ... ]           optional; alternatives inside are separated by `|`
 *   < ... >           one of several, or simply a group; around the whole syntax it may be left out
 *   COUNT count       a token belongs to the values behind it, in brackets to everything behind it
 *   key [key ...]     a repetition: the words before the bracket may occur again; ` ...`
 *                     alone repeats the whole group
 *
 *   `key value [key value ...] [NX | XX]` is a repeated block (key, value) and an optional
 *   choice of two tokens.
 *
 * TRUST syntax comes from this program's own tables: a mistake throws, and a test parses all of
 * them.
 */

export type ArgumentType =
  | 'string'
  | 'integer'
  | 'double'
  | 'key'
  | 'pattern'
  | 'unix-time'
  | 'pure-token'
  | 'oneof'
  | 'block';

export interface DocArgument {
  readonly name: string;
  readonly type: ArgumentType;
  /** Null where no token stands before the value. */
  readonly token: string | null;
  /** Which key specification finds this key; -1 for what is no key. */
  readonly keySpecIndex: number;
  readonly isOptional: boolean;
  readonly isMultiple: boolean;
  /** The token is repeated with each value. */
  readonly isMultipleToken: boolean;
  /** Members of a `oneof` or `block`. */
  readonly children: readonly DocArgument[];
}

const VALUE_TYPES: ReadonlySet<string> = new Set([
  'string',
  'integer',
  'double',
  'key',
  'pattern',
  'unix-time',
]);

const TYPE_BY_NAME: ReadonlyMap<string, ArgumentType> = new Map(
  (
    [
      ['key', 'key key1 key2 newkey source destination sourcekey destkey src dst'],
      ['pattern', 'pattern'],
      ['unix-time', 'unix-time-seconds unix-time-milliseconds'],
      ['double', 'float timeout score longitude latitude radius width height'],
      [
        'integer',
        'integer bit bits client-id count cursor db decrement destination-db end ' +
          'frequency increment index index1 index2 len limit maxage milliseconds ' +
          'min-match-len ms num-matches numfields numkeys numlocal numreplicas offset ' +
          'port protover rank seconds slot start start-slot end-slot stop ttl version ' +
          'weight',
      ],
    ] as const
  ).flatMap(([type, names]) => names.split(' ').map((name) => [name, type] as const)),
);

/** A word or group of a sequence, with the range of words it came from. */
interface Item {
  readonly start: number;
  readonly token: string | null;
  readonly node: DocArgument | null;
}

/**
 * The argument tree of `syntax` for a command with `keySpecCount` key specifications. O(length).
 */
export function parseSyntax(syntax: string, keySpecCount: number): readonly DocArgument[] {
  return new SyntaxParser(syntax, keySpecCount).parse();
}

class SyntaxParser {
  readonly #words: readonly string[];
  readonly #keySpecCount: number;
  #at = 0;
  #keys = 0;
  /** Set by a repetition of the group that is being read. */
  #groupRepeats = false;

  constructor(syntax: string, keySpecCount: number) {
    this.#words = syntax.match(/'[^']*'|[[\]<>]|[^\s[\]<>]+/g) ?? [];
    this.#keySpecCount = keySpecCount;
  }

  parse(): readonly DocArgument[] {
    const alternatives = [this.#sequence(0)];
    while (this.#words[this.#at] === '|') {
      this.#at += 1;
      alternatives.push(this.#sequence(this.#at));
    }
    if (this.#at !== this.#words.length) throw this.#error('a bracket too many');
    if (alternatives.length === 1) return assemble(alternatives[0]!);
    return [oneOf(alternatives.map((items) => single(assembleAlternative(items))))];
  }

  #error(what: string): Error {
    return new Error(`command syntax: ${what} at word ${this.#at}: ${this.#words.join(' ')}`);
  }

  /** Items up to `|`, a closing bracket or the end. */
  #sequence(groupStart: number): Item[] {
    const items: Item[] = [];
    const sequenceStart = this.#at;
    for (; this.#at < this.#words.length; ) {
      const word = this.#words[this.#at]!;
      if (word === '|' || word === ']' || word === '>') break;
      if (word === '...') {
        this.#groupRepeats = true;
        this.#at += 1;
      } else if (word === '[' && this.#repetitionEnd() >= 0) {
        this.#repeat(items, sequenceStart, groupStart);
      } else if (word === '[' || word === '<') {
        items.push({ start: this.#at, token: null, node: this.#group(word === '[') });
      } else {
        items.push(this.#word(word));
        this.#at += 1;
      }
    }
    return items;
  }

  /** Index of the `]` that closes the `[` here when it stands behind `...`, else -1. */
  #repetitionEnd(): number {
    let depth = 0;
    for (let at = this.#at; at < this.#words.length; at++) {
      const word = this.#words[at]!;
      if (word === '[' || word === '<') depth += 1;
      if (word === ']' || word === '>') depth -= 1;
      if (depth === 0) return this.#words[at - 1] === '...' ? at : -1;
    }
    return -1;
  }

  #repeat(items: Item[], sequenceStart: number, groupStart: number): void {
    const open = this.#at;
    const close = this.#repetitionEnd();
    const length = close - 1 - (open + 1);
    const start = open - length;
    for (let i = 0; i < length; i++) {
      if (this.#words[start + i] !== this.#words[open + 1 + i]) {
        throw this.#error('a repetition of something else');
      }
    }
    this.#at = close + 1;
    if (start < sequenceStart) {
      if (start !== groupStart) throw this.#error('a repetition of half a group');
      this.#groupRepeats = true;
      return;
    }
    const first = items.findIndex((item) => item.start === start);
    if (first < 0) throw this.#error('a repetition of half a group');
    const unit = items.splice(first);
    const isMultipleToken = unit[0]!.token !== null;
    const node = single(assembleAlternative(unit));
    items.push({ start, token: null, node: { ...node, isMultiple: true, isMultipleToken } });
  }

  #group(isOptional: boolean): DocArgument {
    const outerRepeats = this.#groupRepeats;
    this.#groupRepeats = false;
    this.#at += 1;
    const start = this.#at;
    const alternatives: DocArgument[] = [];
    for (;;) {
      alternatives.push(single(assembleAlternative(this.#sequence(start))));
      const end = this.#words[this.#at];
      this.#at += 1;
      if (end === (isOptional ? ']' : '>')) break;
      if (end !== '|') throw this.#error('a bracket that does not close');
    }
    const node = alternatives.length === 1 ? alternatives[0]! : oneOf(alternatives);
    const isMultiple = node.isMultiple || this.#groupRepeats;
    this.#groupRepeats = outerRepeats;
    return { ...node, isOptional: node.isOptional || isOptional, isMultiple };
  }

  #word(given: string): Item {
    const start = this.#at;
    const at = given.search(/@\d+$/);
    const word = at < 0 ? given : given.slice(0, at);
    if (word.startsWith("'")) return { start, token: word.slice(1, -1), node: null };
    if (!/[a-z]/.test(word)) return { start, token: word, node: null };
    const colon = word.lastIndexOf(':');
    const suffix = word.slice(colon + 1);
    const isTyped = colon > 0 && VALUE_TYPES.has(suffix);
    const name = isTyped ? word.slice(0, colon) : word;
    let type = isTyped ? (suffix as ArgumentType) : (TYPE_BY_NAME.get(name) ?? 'string');
    if (type === 'key' && this.#keySpecCount === 0) type = 'string';
    const isKey = type === 'key';
    let keySpecIndex = isKey ? Math.min(this.#keys++, this.#keySpecCount - 1) : -1;
    if (at >= 0) keySpecIndex = Number(given.slice(at + 1));
    return { start, token: null, node: { ...plain(name, type), keySpecIndex } };
  }
}

function plain(
  name: string,
  type: ArgumentType,
  children: readonly DocArgument[] = [],
  token: string | null = null,
): DocArgument {
  const flags = { isOptional: false, isMultiple: false, isMultipleToken: false };
  return { name, type, token, keySpecIndex: -1, ...flags, children };
}

function pureToken(token: string): DocArgument {
  return plain(token.toLowerCase(), 'pure-token', [], token);
}

function oneOf(children: readonly DocArgument[]): DocArgument {
  return plain(children.map((child) => child.name).join('-or-'), 'oneof', children);
}

function block(children: readonly DocArgument[], token: string | null): DocArgument {
  const name = token?.toLowerCase() ?? children.map((child) => child.name).join('-');
  return plain(name, 'block', children, token);
}

function single(nodes: readonly DocArgument[]): DocArgument {
  return nodes.length === 1 ? nodes[0]! : block(nodes, null);
}

/** A token with the values that belong to it. */
function withToken(token: string, values: readonly DocArgument[]): DocArgument {
  if (values.length === 0) return pureToken(token);
  const only = values[0]!;
  const takesToken = values.length === 1 && only.token === null && !only.isOptional;
  return takesToken ? { ...only, token } : block(values, token);
}

/** A token takes the plain values behind it, up to the next token or optional part. */
function assemble(items: readonly Item[]): DocArgument[] {
  const nodes: DocArgument[] = [];
  for (let at = 0; at < items.length; ) {
    const { token, node } = items[at]!;
    at += 1;
    if (token === null) {
      nodes.push(node!);
      continue;
    }
    const values: DocArgument[] = [];
    for (; at < items.length; at++) {
      const value = items[at]!.node;
      if (value === null || value.isOptional) break;
      values.push(value);
    }
    nodes.push(withToken(token, values));
  }
  return nodes;
}

/** Within brackets, a first token takes everything behind it. */
function assembleAlternative(items: readonly Item[]): DocArgument[] {
  const token = items[0]?.token ?? null;
  if (token === null || items[1]?.token != null) return assemble(items);
  return [withToken(token, assemble(items.slice(1)))];
}

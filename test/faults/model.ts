/**
 * What one writer has done, as data: operations in the order sent, and the contents of the writer's
 * keys after any number of them. A server that was killed must come back with the contents after
 * some prefix of what the writer sent.
 */
import type { Argument } from '../support/local-runner.ts';
import type { Random } from '../support/random.ts';

/** Keys that one MSET writes; they lie on several shards. */
export const MSET_KEYS = 6;
/** Accounts that all writers move money between. */
export const ACCOUNTS = 12;
/** Elements that one operation adds to the pool that SPOP takes from. */
const POOL_STEP = 8;
const TTL_MS = 7_200_000;
const BIG_BYTES_MAX = 400_000;

/** What a writer may do at once: one command, or one transaction. All have the number `n`. */
export type OpKind =
  | 'set'
  | 'incr'
  | 'float'
  | 'push'
  | 'move'
  | 'mset'
  | 'hash'
  | 'zset'
  | 'transfer'
  | 'fill'
  | 'pop'
  | 'pop-in-transaction'
  | 'ttl'
  | 'shared'
  | 'reset'
  | 'big';

const KINDS: readonly OpKind[] = [
  ...['set', 'incr', 'incr', 'float', 'push', 'push', 'move', 'mset', 'mset', 'mset'],
  ...['hash', 'zset', 'transfer', 'transfer', 'transfer', 'fill', 'pop', 'pop'],
  ...['pop-in-transaction', 'ttl', 'shared', 'shared'],
] as OpKind[];

export interface Op {
  readonly kind: OpKind;
  /** Number of the operation among those of its writer, from 1 on. */
  readonly n: number;
  /** Of `transfer`. */
  readonly from: number;
  readonly to: number;
  readonly amount: number;
  /** Place among all sends and replies of all writers. */
  sentAt: number;
  /** The same of its reply; infinite while there is none. */
  ackedAt: number;
  /** Clock of the reply in ms. */
  ackedMs: number;
  /** What SPOP took and PEXPIRETIME said, once the reply is there. */
  popped: readonly string[] | null;
  deadline: number;
}

/** The operation with the number `n`, drawn at random. */
export function randomOp(random: Random, n: number): Op {
  const from = random.below(ACCOUNTS);
  const rare: OpKind | null = random.oneIn(300) ? 'big' : random.oneIn(400) ? 'reset' : null;
  return {
    kind: rare ?? random.pick(KINDS),
    n,
    from,
    to: (from + 1 + random.below(ACCOUNTS - 1)) % ACCOUNTS,
    amount: 1 + random.below(9),
    sentAt: 0,
    ackedAt: Number.POSITIVE_INFINITY,
    ackedMs: Number.POSITIVE_INFINITY,
    popped: null,
    deadline: -1,
  };
}

/** What a transfer leaves in its writer's log. */
export function entryOf(op: Op): string {
  return `${op.from}:${op.to}:${op.amount}:${op.n}`;
}

function bigValue(n: number): string {
  return `${n};`.repeat(BIG_BYTES_MAX / 10 + ((n * 7919) % 30_000));
}

/** Name of a key of writer `writer`. */
export function keyOf(writer: number, name: string): string {
  return `w${writer}:${name}`;
}

export function accountOf(index: number): string {
  return `account:${index}`;
}

function transaction(...commands: readonly (readonly Argument[])[]): readonly Argument[][] {
  return [['MULTI'], ...commands.map((words) => [...words]), ['EXEC']];
}

/** The commands of an operation; they are sent at once, and the last reply acknowledges it. */
export function commandsOf(writer: number, op: Op): readonly (readonly Argument[])[] {
  const { n } = op;
  const key = (name: string): string => keyOf(writer, name);
  switch (op.kind) {
    case 'set':
      return [['SET', key('set'), n]];
    case 'incr':
      return [['INCR', key('incr')]];
    case 'float':
      return [['INCRBYFLOAT', key('float'), '0.5']];
    case 'push':
      return [['RPUSH', key('list'), n]];
    case 'move':
      return [['LMOVE', key('list'), key('moved'), 'LEFT', 'RIGHT']];
    case 'mset':
      return [['MSET', ...Array.from({ length: MSET_KEYS }, (_, i) => [key(`m${i}`), n]).flat()]];
    case 'hash':
      return [['HSET', key('hash'), `f${n % 50}`, n, 'last', n]];
    case 'zset':
      return [['ZADD', key('zset'), n, `m${n % 200}`]];
    case 'transfer':
      return transaction(
        ['DECRBY', accountOf(op.from), op.amount],
        ['INCRBY', accountOf(op.to), op.amount],
        ['RPUSH', key('log'), entryOf(op)],
      );
    case 'fill':
      return [['SADD', key('pool'), ...poolMembers(n)]];
    case 'pop':
      return [['SPOP', key('pool'), 2]];
    case 'pop-in-transaction':
      return transaction(['SPOP', key('pool'), 3], ['SET', key('popper'), n]);
    case 'ttl':
      return transaction(['SET', key('ttl'), n, 'PX', TTL_MS], ['PEXPIRETIME', key('ttl')]);
    case 'shared':
      return transaction(['INCR', 'shared'], ['INCR', key('shared')]);
    case 'reset':
      return transaction(
        ['DEL', key('list'), key('moved')],
        ['RENAME', key('set'), key('renamed')],
      );
    case 'big':
      return [['SET', key('big'), bigValue(n)]];
  }
}

function poolMembers(n: number): string[] {
  return Array.from({ length: POOL_STEP }, (_, i) => `p${n}.${i}`);
}

/** Contents of a writer's keys: what they should be, or what was found. */
export class WriterState {
  set = 0;
  renamed = 0;
  incr = 0;
  float = 0;
  list: number[] = [];
  moved: number[] = [];
  mset = 0;
  hash = new Map<string, number>();
  zset = new Map<string, number>();
  log: string[] = [];
  pool = new Set<string>();
  /** Members that SPOP took without our knowing which. */
  poppedUnknown = 0;
  popper = 0;
  ttl = 0;
  /** Unix time in ms; -1 = unknown. */
  deadline = -1;
  shared = 0;
  big = 0;

  clone(): WriterState {
    const copy = Object.assign(new WriterState(), this);
    copy.list = [...this.list];
    copy.moved = [...this.moved];
    copy.hash = new Map(this.hash);
    copy.zset = new Map(this.zset);
    copy.log = [...this.log];
    copy.pool = new Set(this.pool);
    return copy;
  }

  apply(op: Op): void {
    const { n } = op;
    switch (op.kind) {
      case 'set':
        this.set = n;
        break;
      case 'incr':
        this.incr += 1;
        break;
      case 'float':
        this.float += 0.5;
        break;
      case 'push':
        this.list.push(n);
        break;
      case 'move':
        if (this.list.length > 0) this.moved.push(this.list.shift()!);
        break;
      case 'mset':
        this.mset = n;
        break;
      case 'hash':
        this.hash.set(`f${n % 50}`, n).set('last', n);
        break;
      case 'zset':
        this.zset.set(`m${n % 200}`, n);
        break;
      case 'transfer':
        this.log.push(entryOf(op));
        break;
      case 'fill':
        for (const member of poolMembers(n)) this.pool.add(member);
        break;
      case 'pop':
        this.#pop(op, 2);
        break;
      case 'pop-in-transaction':
        this.#pop(op, 3);
        this.popper = n;
        break;
      case 'ttl':
        this.ttl = n;
        this.deadline = op.deadline;
        break;
      case 'shared':
        this.shared += 1;
        break;
      case 'reset':
        // A RENAME of what is not there is an error, and the DEL before it stays.
        this.list = [];
        this.moved = [];
        if (this.set !== 0) this.renamed = this.set;
        this.set = 0;
        break;
      case 'big':
        this.big = n;
        break;
    }
  }

  #pop(op: Op, count: number): void {
    if (op.popped === null) {
      this.poppedUnknown += Math.min(count, this.pool.size - this.poppedUnknown);
    } else for (const member of op.popped) this.pool.delete(member);
  }

  /** What differs between this (the model) and what was found, or null. */
  difference(found: Found): string | null {
    for (const name of ['set', 'renamed', 'incr', 'float', 'popper', 'ttl', 'shared'] as const) {
      if (this[name] !== found[name]) return `${name}: ${found[name]} for ${this[name]}`;
    }
    const wrong = found.msets.findIndex((value) => value !== this.mset);
    if (wrong >= 0) return `m${wrong}: ${found.msets.join(' ')} for ${this.mset}`;
    if (this.ttl !== 0 && this.deadline >= 0 && found.deadline !== this.deadline) {
      return `deadline: ${found.deadline} for ${this.deadline}`;
    }
    if (this.big !== found.big) return `big: ${found.big} for ${this.big}`;
    return (
      listDifference('list', this.list, found.list) ??
      listDifference('moved', this.moved, found.moved) ??
      listDifference('log', this.log, found.log) ??
      mapDifference('hash', this.hash, found.hash) ??
      mapDifference('zset', this.zset, found.zset) ??
      this.#poolDifference(found.pool)
    );
  }

  #poolDifference(found: ReadonlySet<string>): string | null {
    const expected = this.pool.size - this.poppedUnknown;
    if (found.size !== expected) return `pool: ${found.size} members for ${expected}`;
    for (const member of found) {
      if (!this.pool.has(member)) return `pool: ${member} had been taken`;
    }
    return null;
  }

  /** Takes over what the model cannot know; the next rounds start from there. */
  adopt(found: Found): void {
    this.pool = new Set(found.pool);
    this.poppedUnknown = 0;
    this.deadline = found.deadline;
  }
}

function listDifference<T>(name: string, model: readonly T[], found: readonly T[]): string | null {
  if (model.length !== found.length) {
    return `${name}: ${found.length} elements for ${model.length}`;
  }
  const at = model.findIndex((element, i) => element !== found[i]);
  return at < 0 ? null : `${name}[${at}]: ${String(found[at])} for ${String(model[at])}`;
}

function mapDifference(
  name: string,
  model: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, number>,
): string | null {
  if (model.size !== found.size) return `${name}: ${found.size} members for ${model.size}`;
  for (const [member, value] of model) {
    if (found.get(member) !== value) return `${name} ${member}: ${found.get(member)} for ${value}`;
  }
  return null;
}

/** What a server has in the keys of one writer. */
export interface Found {
  readonly set: number;
  readonly renamed: number;
  readonly incr: number;
  readonly float: number;
  readonly list: readonly number[];
  readonly moved: readonly number[];
  readonly msets: readonly number[];
  readonly hash: ReadonlyMap<string, number>;
  readonly zset: ReadonlyMap<string, number>;
  readonly log: readonly string[];
  readonly pool: ReadonlySet<string>;
  readonly popper: number;
  readonly ttl: number;
  readonly deadline: number;
  readonly shared: number;
  /** Number in the large value, -1 where it is damaged. */
  readonly big: number;
}

/** The commands that read a writer's keys, for {@link foundIn}. */
export function readingOf(writer: number): readonly (readonly Argument[])[] {
  const key = (name: string): string => keyOf(writer, name);
  const plain = ['set', 'renamed', 'incr', 'float', 'popper', 'ttl', 'shared', 'big'];
  const msets = Array.from({ length: MSET_KEYS }, (_, i) => key(`m${i}`));
  return [
    ...plain.map((name) => ['GET', key(name)]),
    ['MGET', ...msets],
    ['PEXPIRETIME', key('ttl')],
    ...['list', 'moved', 'log'].map((name) => ['LRANGE', key(name), '0', '-1']),
    ['HGETALL', key('hash')],
    ['ZRANGE', key('zset'), '0', '-1', 'WITHSCORES'],
    ['SMEMBERS', key('pool')],
  ];
}

type Reply = string | number | null | readonly Reply[];

/** Decoded replies to {@link readingOf}. */
export function foundIn(replies: readonly Reply[]): Found {
  const numbers = replies.slice(0, 7).map((reply) => Number(reply ?? 0));
  const [set, renamed, incr, float, popper, ttl, shared] = numbers as [
    ...[number, number, number, number, number, number, number],
  ];
  const texts = (at: number): readonly string[] => replies[at] as readonly string[];
  return {
    ...{ set, renamed, incr, float, popper, ttl, shared },
    big: bigNumber(replies[7] as string | null),
    msets: (replies[8] as readonly (string | null)[]).map((text) => Number(text ?? 0)),
    deadline: replies[9] as number,
    list: texts(10).map(Number),
    moved: texts(11).map(Number),
    log: texts(12),
    hash: pairsOf(texts(13)),
    zset: pairsOf(texts(14)),
    pool: new Set(texts(15)),
  };
}

function bigNumber(text: string | null): number {
  if (text === null) return 0;
  const n = Number.parseInt(text, 10);
  return text === bigValue(n) ? n : -1;
}

function pairsOf(flat: readonly string[]): Map<string, number> {
  const pairs = new Map<string, number>();
  for (let i = 0; i < flat.length; i += 2) pairs.set(flat[i]!, Number(flat[i + 1]));
  return pairs;
}

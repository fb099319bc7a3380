/**
 * Writers that remember what was acknowledged, and the check of what a server has after it was
 * killed: each writer's keys hold what a prefix of its operations makes of them, long enough for
 * all that had to be durable, and the prefixes of all writers together are one moment.
 */
import { decodeReply } from '../support/decode-reply.ts';
import { Random } from '../support/random.ts';
import { encodeCommand, RawClient } from '../support/raw-client.ts';
import { waitUntil } from '../support/tessera.ts';
import type { FaultServer } from './fault-server.ts';
import {
  ACCOUNTS,
  accountOf,
  commandsOf,
  foundIn,
  type Op,
  randomOp,
  readingOf,
  WriterState,
} from './model.ts';

/** Pipelines of the writers: most have one operation under way, as the guarantee is worded. */
const DEPTHS = [1, 1, 1, 6];
const REFUSED_PAUSE_MS = 5;

/** Counts sends and replies, so that any two of them have an order. */
class Clock {
  #now = 0;

  next(): number {
    return ++this.#now;
  }
}

class Writer {
  readonly index: number;
  readonly depth: number;
  /** Before the operations in `ops`. */
  base = new WriterState();
  /** Operations since `base`, in the order sent. */
  ops: Op[] = [];
  /** Operations that were refused for the state of the disk. */
  refusals = 0;
  #number = 0;
  readonly #clock: Clock;

  constructor(index: number, clock: Clock) {
    this.index = index;
    this.depth = DEPTHS[index % DEPTHS.length]!;
    this.#clock = clock;
  }

  get acknowledged(): number {
    return acknowledged(this.ops);
  }

  /**
   * Sends operations until `isDone` says so or the connection ends. Throws where a reply is not
   * what it has to be. What MISCONF refuses has not been done, and counts as never sent.
   */
  async run(client: RawClient, random: Random, isDone: () => boolean): Promise<void> {
    const lanes: Promise<void>[] = [];
    try {
      while (!isDone() && !client.isClosed) {
        const op = randomOp(random, ++this.#number);
        const commands = commandsOf(this.index, op);
        op.sentAt = this.#clock.next();
        this.ops.push(op);
        client.send(Buffer.concat(commands.map(encodeCommand)));
        lanes.push(this.#acknowledge(client, op, commands.length));
        if (lanes.length >= this.depth) await lanes.shift();
      }
      await Promise.all(lanes);
    } finally {
      // Those behind one that failed fail as well, and somebody has to have looked.
      await Promise.allSettled(lanes);
    }
  }

  async #acknowledge(client: RawClient, op: Op, replies: number): Promise<void> {
    const texts: string[] = [];
    try {
      const reading = Array.from({ length: replies }, () => client.readReply());
      const results = await Promise.allSettled(reading);
      for (const result of results) {
        if (result.status === 'rejected') throw result.reason;
        texts.push(result.value);
      }
    } catch (error) {
      if (client.isClosed) return;
      throw error;
    }
    // By a command, or by EXEC where the disk has failed between the two.
    if (texts.some((text) => /^-(EXECABORT .*)?MISCONF/.test(text))) {
      this.ops.splice(this.ops.indexOf(op), 1);
      this.refusals += 1;
      await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
      return;
    }
    const wrong = texts.find((text) => text.startsWith('-'));
    if (wrong !== undefined) throw new Error(`writer ${this.index}, ${op.kind}: ${wrong.trim()}`);
    note(op, texts.at(-1)!);
    op.ackedAt = this.#clock.next();
    op.ackedMs = performance.now();
  }

  /** Starts over from what a prefix of `length` operations has made. */
  rebase(state: WriterState): void {
    this.base = state;
    this.ops = [];
  }
}

/** Takes what the model needs from the reply of an operation. */
function note(op: Op, reply: string): void {
  if (op.kind === 'pop') op.popped = decodeReply(reply) as readonly string[];
  if (op.kind === 'pop-in-transaction') {
    op.popped = (decodeReply(reply) as readonly (readonly string[])[])[0]!;
  }
  if (op.kind === 'ttl') op.deadline = (decodeReply(reply) as readonly number[])[1]!;
}

/** Operations that a writer's keys may show: at least `least` of them, at most `most`. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** How many operations of a writer have to be there, given all of them. */
export type Least = (ops: readonly Op[]) => number;

/** Everything that was acknowledged. */
export function acknowledged(ops: readonly Op[]): number {
  return ops.filter((op) => op.ackedMs < Number.POSITIVE_INFINITY).length;
}

/** What was acknowledged before `ms` of performance.now(). */
export function acknowledgedBefore(ms: number): Least {
  return (ops) => ops.filter((op) => op.ackedMs < ms).length;
}

interface Matched {
  readonly length: number;
  readonly state: WriterState;
}

export class Writers {
  readonly #clock = new Clock();
  readonly #writers: readonly Writer[];

  constructor(count: number) {
    this.#writers = Array.from({ length: count }, (_, index) => new Writer(index, this.#clock));
  }

  /** Operations acknowledged since the last check. */
  get acknowledged(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
  }

  /** Resolves when each writer has written something. */
  async started(): Promise<void> {
    const hasWritten = ({ acknowledged }: Writer): boolean => acknowledged > 0;
    await waitUntil('the writers', () => this.#writers.every(hasWritten));
  }

  /** Operations refused with MISCONF so far. */
  get refusals(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.refusals, 0);
  }

  /** Operations of each writer that were sent, and that were acknowledged, up to now. */
  counts(): readonly Bounds[] {
    return this.#writers.map(({ ops, acknowledged }) => ({
      least: acknowledged,
      most: ops.length,
    }));
  }

  /** Lets all writers write to `server` until it is dead or `isDone` says so. */
  async run(server: FaultServer, random: Random, isDone = (): boolean => false): Promise<void> {
    const seeds = this.#writers.map(() => random.next());
    const clients = await Promise.all(this.#writers.map(() => RawClient.connect(server.port)));
    try {
      const runs = this.#writers.map((writer, i) =>
        writer.run(clients[i]!, new Random(seeds[i]!), isDone),
      );
      await Promise.all(runs);
    } finally {
      for (const client of clients) client.close();
    }
  }

  /**
   * Compares what `server` has with what was sent. Throws with the first difference. Further
   * operations start from there. `least` says what of each writer must be there, `most` what may.
   */
  async check(
    server: FaultServer,
    least: (writer: number, ops: readonly Op[]) => number,
    most: (writer: number, ops: readonly Op[]) => number = (_, ops) => ops.length,
  ): Promise<void> {
    const client = await server.connect();
    try {
      const matches: Matched[][] = [];
      for (const writer of this.#writers) {
        const { index, ops } = writer;
        const bounds = { least: least(index, ops), most: most(index, ops) };
        matches.push(await matchesOf(writer, client, bounds));
      }
      this.#checkOneMoment(matches);
      await checkAccounts(client, matches);
      await checkShared(client, matches);
      this.#writers.forEach((writer, i) => {
        writer.rebase(matches[i]!.at(-1)!.state);
      });
    } finally {
      client.close();
    }
  }

  /**
   * What is there must have been everything there was at some moment: nothing may be there that was
   * sent after something missing had been acknowledged. Of prefixes that look alike the shortest is
   * taken for what is there, the longest for what is missing.
   */
  #checkOneMoment(matches: readonly (readonly Matched[])[]): void {
    let last = 0;
    let missing = Number.POSITIVE_INFINITY;
    let text = '';
    this.#writers.forEach(({ ops, index }, i) => {
      const there = ops[matches[i]![0]!.length - 1];
      if (there !== undefined && there.sentAt > last) {
        last = there.sentAt;
        text = `operation ${there.n} of writer ${index}`;
      }
      missing = Math.min(missing, ops[matches[i]!.at(-1)!.length]?.ackedAt ?? missing);
    });
    if (last > missing) throw new Error(`${text} is there, but not what came before it`);
  }
}

/** The prefixes of a writer's operations that explain what is there. Throws where none does. */
async function matchesOf(
  writer: Writer,
  client: RawClient,
  { least, most }: Bounds,
): Promise<Matched[]> {
  const { index, ops, base } = writer;
  const replies = await Promise.all(readingOf(index).map((words) => client.command(words)));
  const found = foundIn(replies.map(decodeReply));
  const state = base.clone();
  const matches: Matched[] = [];
  let reason = '';
  for (let length = 0; length <= most; length++) {
    if (length > 0) state.apply(ops[length - 1]!);
    if (length < least) continue;
    const difference = state.difference(found);
    reason ||= difference === null ? '' : `after ${length}: ${difference}`;
    if (difference !== null) continue;
    const own = state.clone();
    own.adopt(found);
    matches.push({ length, state: own });
  }
  if (matches.length > 0) return matches;
  const shown = ops.slice(Math.max(0, least - 3), most).map(({ kind, n }) => `${kind} ${n}`);
  throw new Error(
    `writer ${index}: nothing between ${least} and ${most} of ${ops.length} operations explains ` +
      `what is there (${reason}; ${shown.slice(0, 12).join(', ')})`,
  );
}

/** The money that the logs say was moved has been moved, exactly. */
async function checkAccounts(
  client: RawClient,
  matches: readonly (readonly Matched[])[],
): Promise<void> {
  const balances = new Array<number>(ACCOUNTS).fill(0);
  for (const states of matches) {
    for (const entry of states.at(-1)!.state.log) {
      const [from, to, amount] = entry.split(':').map(Number) as [number, number, number];
      balances[from]! -= amount;
      balances[to]! += amount;
    }
  }
  const names = balances.map((_, i) => accountOf(i));
  const reply = decodeReply(await client.command(['MGET', ...names])) as readonly string[];
  balances.forEach((balance, i) => {
    if (Number(reply[i] ?? 0) === balance) return;
    throw new Error(`torn: ${names[i]} has ${reply[i]}, the transfers make ${balance}`);
  });
}

async function checkShared(
  client: RawClient,
  matches: readonly (readonly Matched[])[],
): Promise<void> {
  const found = Number(decodeReply(await client.command(['GET', 'shared'])) ?? 0);
  const sum = matches.reduce((total, states) => total + states.at(-1)!.state.shared, 0);
  if (found !== sum) throw new Error(`torn: shared counter ${found}, the writers make ${sum}`);
}

/** Large collections for the rows about them: one million members of 14 bytes, pipelined. */
import { RawConnection } from './raw-connection.ts';

export const MEMBER_COUNT = 1_000_000;
/** Members of one command of the loader. */
const MEMBERS_PER_COMMAND = 100;
/** Coprime, so that scores are spread evenly. */
const SCORE_STEP = 7919;
const SCORE_COUNT = 1_000_003;
const COMMANDS_PER_BATCH = 100;

/** 14 bytes, as redis-benchmark writes `m:__rand_int__`. */
export function memberOf(index: number): string {
  return `m:${String(index).padStart(12, '0')}`;
}

function bulk(word: string): string {
  return `$${word.length}\r\n${word}\r\n`;
}

/** What an element adds to the command that stores it. */
export type Words = (index: number) => readonly string[];

/** Field and value of a hash. */
export function fieldAndValue(index: number): readonly string[] {
  return [memberOf(index), `v:${String(index).padStart(12, '0')}`];
}

/** Member of a set, element of a list. */
export function memberOnly(index: number): readonly string[] {
  return [memberOf(index)];
}

/** Score and member of a sorted set: scores come in no order, and some are equal. */
export function scoreAndMember(index: number): readonly string[] {
  return [String((index * SCORE_STEP) % SCORE_COUNT), memberOf(index)];
}

/** Adds elements `from` .. `to - 1` to `key` with `command`. */
export async function fillCollection(
  port: number,
  command: string,
  key: string,
  words: Words,
  from: number,
  to: number,
): Promise<void> {
  const connection = await RawConnection.open(port);
  for (let first = from; first < to; ) {
    const parts: string[] = [];
    for (let c = 0; c < COMMANDS_PER_BATCH && first < to; c++) {
      const last = Math.min(to, first + MEMBERS_PER_COMMAND);
      const all: string[] = [command, key];
      for (let i = first; i < last; i++) all.push(...words(i));
      parts.push(`*${all.length}\r\n${all.map(bulk).join('')}`);
      first = last;
    }
    await connection.discard(Buffer.from(parts.join(''), 'latin1'));
  }
  connection.close();
}

/** `count` hashes `user:000001` .. of five small fields each. */
export async function fillSmallHashes(port: number, count: number): Promise<void> {
  const connection = await RawConnection.open(port);
  for (let first = 0; first < count; first += COMMANDS_PER_BATCH) {
    const parts: string[] = [];
    for (let i = first; i < Math.min(count, first + COMMANDS_PER_BATCH); i++) {
      const all = ['HSET', `user:${String(i).padStart(6, '0')}`];
      for (let f = 1; f <= 5; f++) all.push(`field${f}`, `value:${String(i % 10_000)}`);
      parts.push(`*${all.length}\r\n${all.map(bulk).join('')}`);
    }
    await connection.discard(Buffer.from(parts.join(''), 'latin1'));
  }
  connection.close();
}

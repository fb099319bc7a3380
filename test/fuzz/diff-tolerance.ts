/**
 * What may differ between Redis 7.0.15 and us, by name and with the reason; everything else is a
 * failure.
 */
import { decodeReply } from '../support/decode-reply.ts';
import { isSameDoubles } from '../support/doubles.ts';
import { isSameGeo } from '../support/near-doubles.ts';
import { isSamePending, isSameStreamInfo } from '../support/near-streams.ts';
import { bulk } from '../threads/sequential-model.ts';
import type { Command } from './diff-commands.ts';

export interface Tolerance {
  readonly name: string;
  readonly why: string;
  /** From here on nothing can be compared any more: what one has done, the other has not. */
  readonly parts?: boolean;
  readonly applies: (command: Command, real: string, ours: string) => boolean;
}

/** Clocks of the two servers are read at different times. */
const MS_APART_MAX = 10_000;
/** A machine at its limits stops one of the servers for seconds. */
const IDLE_SECONDS_APART_MAX = 60;

const isInteger = (reply: string): boolean => /^:\d+\r\n$/.test(reply);
const verb = (command: Command): string => command[0]!.toUpperCase();

function near(real: string, ours: string, apart: number): boolean {
  if (!isInteger(real) || !isInteger(ours)) return false;
  return Math.abs(Number(real.slice(1)) - Number(ours.slice(1))) <= apart;
}

/** The names of a flat array of bulks in order. */
function sorted(reply: string): string {
  const names: string[] = [];
  for (let at = reply.indexOf('\r\n') + 2; at < reply.length; ) {
    const end = reply.indexOf('\r\n', at);
    const length = Number(reply.slice(at + 1, end));
    names.push(reply.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return names.sort().map(bulk).join('');
}

const UNORDERED = new Set(['SMEMBERS', 'SINTER', 'SUNION', 'SDIFF', 'HKEYS', 'HVALS', 'SPOP']);
const FLAT_PAIRS = 2;

/** The elements of a flat reply in order, those of a map (or its RESP2 form) pair by pair. */
function sortedElements(reply: string, step: number): string {
  const decoded: unknown = decodeReply(reply);
  const flat = decoded instanceof Map ? [...decoded].flat() : [...(decoded as Iterable<unknown>)];
  const groups: string[] = [];
  for (let i = 0; i < flat.length; i += step) {
    groups.push(JSON.stringify(flat.slice(i, i + step).map(String)));
  }
  return groups.sort().join();
}

function isAggregate(reply: string): boolean {
  return /^[*~%]\d/.test(reply);
}

export const TOLERANCES: readonly Tolerance[] = [
  {
    name: 'order of members',
    why: 'members and fields have no order',
    applies: (command, real, ours) =>
      UNORDERED.has(verb(command)) &&
      isAggregate(real) &&
      real[0] === ours[0] &&
      sortedElements(real, 1) === sortedElements(ours, 1),
  },
  {
    name: 'order of fields',
    why: 'members and fields have no order',
    applies: (command, real, ours) =>
      verb(command) === 'HGETALL' &&
      isAggregate(real) &&
      real[0] === ours[0] &&
      sortedElements(real, FLAT_PAIRS) === sortedElements(ours, FLAT_PAIRS),
  },
  {
    name: 'random members',
    why: 'random',
    applies: (command, real, ours) =>
      ['SRANDMEMBER', 'HRANDFIELD', 'ZRANDMEMBER'].includes(verb(command)) &&
      !real.startsWith('-') &&
      real.slice(0, real.indexOf('\r')).replace(/^[$](?!-).*/, '$') ===
        ours.slice(0, ours.indexOf('\r')).replace(/^[$](?!-).*/, '$'),
  },
  {
    name: 'digits of scores',
    why: 'since 7.2 scores are printed in their shortest form',
    applies: (command, real, ours) => /^(Z|EXEC$)/.test(verb(command)) && isSameDoubles(real, ours),
  },
  {
    name: 'encodings of sorted sets',
    why: 'since 7.2 ZADD converts by the number and the length of its arguments, before it adds',
    applies: (command, real, ours) =>
      verb(command) === 'OBJECT' &&
      [real, ours].every((one) => one === bulk('listpack') || one === bulk('skiplist')),
  },
  {
    name: 'WITHSCORE of ranks',
    why: 'since 7.2',
    applies: (command, real) =>
      ['ZRANK', 'ZREVRANK'].includes(verb(command)) && real.startsWith('-ERR wrong number'),
  },
  {
    name: 'encodings of small lists and sets',
    why: 'small lists and small sets of strings are listpacks since 7.2',
    applies: (command, real, ours) =>
      verb(command) === 'OBJECT' &&
      (real === bulk('quicklist') || real === bulk('hashtable')) &&
      ours === bulk('listpack'),
  },
  {
    name: 'encodings of sets that one command makes',
    why: 'since 7.2 SADD of more members than set-max-intset-entries makes no intset',
    applies: (command, real, ours) =>
      verb(command) === 'OBJECT' &&
      real === bulk('intset') &&
      (ours === bulk('listpack') || ours === bulk('hashtable')),
  },
  {
    name: 'LPOS with the least of all ranks',
    why: 'out of range since 7.2',
    applies: (command, _real, ours) =>
      verb(command) === 'LPOS' &&
      command.includes('-9223372036854775808') &&
      ours.startsWith('-ERR value is out of range, value must between'),
  },
  {
    name: 'SORT of a set in its own order',
    why: 'members have no order; the keys of lists that are sorted begin with an l',
    applies: (command, real, ours) =>
      ['SORT', 'SORT_RO'].includes(verb(command)) &&
      !command[1]!.startsWith('l') &&
      command.some((word) => word.toUpperCase() === 'BY') &&
      isAggregate(real) &&
      isAggregate(ours),
  },
  {
    name: 'a part of what SORT ALPHA orders by weights',
    why: 'the order of elements of one weight is not stable there',
    applies: (command, real, ours) =>
      ['SORT', 'SORT_RO'].includes(verb(command)) &&
      ['ALPHA', 'BY', 'LIMIT'].every((word) => command.includes(word)) &&
      isAggregate(real) &&
      real.slice(0, real.indexOf('\r')) === ours.slice(0, ours.indexOf('\r')),
  },
  {
    name: 'encoding of a sorted set that was sorted',
    why: 'SORT makes a skiplist of it there',
    applies: (command, real, ours) =>
      verb(command) === 'OBJECT' &&
      command[2] === 'lz' &&
      real === bulk('skiplist') &&
      ours === bulk('listpack'),
  },
  {
    name: 'order of KEYS',
    why: 'keys have no order',
    applies: (command, real, ours) =>
      verb(command) === 'KEYS' && real.startsWith('*') && sorted(real) === sorted(ours),
  },
  {
    name: 'SCAN',
    why: 'cursors and batches are the server’s own business; SCAN has tests of its own',
    applies: (command, real, ours) =>
      verb(command) === 'SCAN' && real.startsWith('*2') && ours.startsWith('*2'),
  },
  {
    name: 'SCAN cursors',
    why: 'since 7.4 a cursor is an unsigned number, and an empty one is none',
    applies: ([name, cursor], _real, ours) =>
      name === 'SCAN' && !/^\d+$/.test(cursor!) && ours === '-ERR invalid cursor\r\n',
  },
  {
    name: 'RANDOMKEY',
    why: 'random',
    applies: (command, real, ours) =>
      verb(command) === 'RANDOMKEY' &&
      real.startsWith('$') &&
      /^[$]-1/.test(real) === /^[$]-1/.test(ours),
  },
  {
    name: 'remaining time in seconds',
    why: 'the clock goes on',
    applies: (command, real, ours) =>
      ['TTL', 'EXPIRETIME'].includes(verb(command)) && near(real, ours, MS_APART_MAX / 1000),
  },
  {
    name: 'remaining time in milliseconds',
    why: 'the clock goes on',
    applies: (command, real, ours) =>
      ['PTTL', 'PEXPIRETIME'].includes(verb(command)) && near(real, ours, MS_APART_MAX),
  },
  {
    name: 'BITCOUNT and BITPOS of an absent key or one of another type',
    why: 'since 7.2 their arguments are checked before the key is looked up',
    applies: (command, real, ours) =>
      ['BITCOUNT', 'BITPOS'].includes(verb(command)) &&
      /^(:(0|-1)\r|-WRONGTYPE )/.test(real) &&
      ours.startsWith('-ERR'),
  },
  {
    name: 'coordinates and distances',
    why: 'coordinates are printed in their shortest form since 8.0, sines have last bits',
    applies: (command, real, ours) => verb(command).startsWith('GEO') && isSameGeo(real, ours),
  },
  {
    name: 'XINFO',
    why: 'facts of newer versions, groups since 7.4 and 8.2.2, consumers since 7.2, and the clock',
    applies: ([name, sub], real, ours) =>
      name === 'XINFO' && isSameStreamInfo(sub!.toUpperCase(), real, ours),
  },
  {
    name: 'XREAD without an ID for each stream',
    why: 'the message names the command since 7.2, and + since 7.4',
    applies: ([name], real, ours) =>
      name!.toUpperCase().startsWith('XREAD') &&
      [real, ours].every((one) => one.startsWith('-ERR Unbalanced')),
  },
  {
    name: 'the last entry',
    why: 'XREAD knows + since 7.4',
    applies: (command, real) =>
      verb(command).startsWith('XREAD') &&
      command.includes('+') &&
      real.startsWith('-ERR Invalid stream ID'),
  },
  {
    name: 'XSETID with an ID that is less than a deleted one',
    why: 'this is checked, and first, since 7.2',
    applies: ([name], real, ours) =>
      name === 'XSETID' &&
      ours === '-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id\r\n' &&
      /^([+]OK|-ERR The )/.test(real),
    parts: true,
  },
  {
    name: 'consumers that have got nothing',
    why: 'reading and claiming makes them since 7.2, whatever there is',
    applies: ([name, sub], real, ours) =>
      name === 'XGROUP' &&
      /^createconsumer$/i.test(sub ?? '') &&
      isInteger(real) &&
      isInteger(ours),
  },
  {
    name: 'idle times of XPENDING',
    why: 'the clock goes on',
    applies: ([name], real, ours) => name === 'XPENDING' && isSamePending(real, ours),
  },
  {
    name: 'OBJECT IDLETIME',
    why: 'the clock goes on',
    applies: (command, real, ours) =>
      verb(command) === 'OBJECT' &&
      /idletime/i.test(command[1] ?? '') &&
      near(real, ours, IDLE_SECONDS_APART_MAX),
  },
];

/** The tolerance that covers a difference, or null. */
export function toleranceFor(command: Command, real: string, ours: string): Tolerance | null {
  return TOLERANCES.find((one) => one.applies(command, real, ours)) ?? null;
}

/**
 * MIGRATE, which moves keys to another server, as far as it goes without: it checks its arguments,
 * answers NOKEY where there is nothing to move, and is refused where there is.
 */

import { asciiBytes } from '../base/bytes.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ArgView } from '../resp/request-parser.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  type KeySpec,
  oneKey,
  type RunStatus,
} from './spec.ts';

const COPY = asciiBytes('COPY');
const REPLACE = asciiBytes('REPLACE');
const AUTH = asciiBytes('AUTH');
const AUTH2 = asciiBytes('AUTH2');
const KEYS = asciiBytes('KEYS');

const KEY = 3;
const DB = 4;
const TIMEOUT = 5;
const OPTIONS = 6;

/** The keys that a call names: arguments [first, end). */
interface Named {
  readonly first: number;
  readonly end: number;
}

/** Reads the options; null after an error reply. */
function readOptions({ args, reply }: CommandContext): Named | null {
  for (let i = OPTIONS; i < args.count; i++) {
    const following = args.count - i - 1;
    if (args.equalsIgnoreCase(i, KEYS)) {
      if (args.length[KEY] === 0) return { first: i + 1, end: args.count };
      reply.errorBytes(ERROR_BYTES.MIGRATE_KEY_AND_KEYS);
      return null;
    }
    if (args.equalsIgnoreCase(i, AUTH) && following >= 1) {
      i += 1;
    } else if (args.equalsIgnoreCase(i, AUTH2) && following >= 2) {
      i += 2;
    } else if (!args.equalsIgnoreCase(i, COPY) && !args.equalsIgnoreCase(i, REPLACE)) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return null;
    }
  }
  return { first: KEY, end: KEY + 1 };
}

function areNumbers(args: ArgView): boolean {
  return !Number.isNaN(args.toInt(TIMEOUT)) && !Number.isNaN(args.toInt(DB));
}

function cmdMigrate(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count)) return ESCALATE;
  const named = readOptions(ctx);
  if (named === null) return DONE;
  if (!areNumbers(args)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  for (let i = named.first; i < named.end; i++) {
    if (ctx.at(i).findRead(ctx.db, ctx.key) === 0) continue;
    reply.error('ERR This server cannot move keys to another one yet');
    return DONE;
  }
  reply.simple('NOKEY');
  return DONE;
}

const BEHIND_KEYS: KeySpec = {
  flags: ['RW', 'ACCESS', 'DELETE', 'INCOMPLETE'],
  begin: -2,
  keyword: 'KEYS',
  options: [
    ['AUTH', 1],
    ['AUTH2', 2],
  ],
  optionsFrom: OPTIONS,
  whereEmpty: KEY,
  find: { kind: 'range', last: -1, step: 1, limit: 0 },
};

export const MIGRATE_COMMAND: CommandSpec = {
  name: 'migrate',
  summary: 'Moves keys to another server; refused where there are any.',
  since: '2.6.0',
  group: 'generic',
  arity: -6,
  flags: ['write'],
  acl: ['keyspace', 'dangerous'],
  keys: [{ ...oneKey(KEY, 'RW', 'ACCESS', 'DELETE'), unless: BEHIND_KEYS }, BEHIND_KEYS],
  syntax:
    'host port <key | \'""\'> destination-db timeout:integer [COPY] [REPLACE] ' +
    '[AUTH password | AUTH2 username password] [KEYS key@1 [key@1 ...]]',
  place: 'shard',
  shards: 'keys',
  readsOnly: () => true,
  run: cmdMigrate,
};

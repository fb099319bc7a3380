/** Commands on keys of any type. The family's parts are in generic-*.ts. */

import { TYPE_NAMES } from '../keyspace/entry.ts';
import { peek } from '../keyspace/peek.ts';
import { tellDeleted } from './event-names.ts';
import { COPY_COMMANDS } from './generic-copy.ts';
import { DATABASE_COMMANDS } from './generic-database.ts';
import { DUMP_COMMANDS } from './generic-dump.ts';
import { EXPIRE_COMMANDS } from './generic-expire.ts';
import { MEMORY_COMMANDS } from './generic-memory.ts';
import { MIGRATE_COMMAND } from './generic-migrate.ts';
import { OBJECT_COMMANDS } from './generic-object.ts';
import { SCAN_COMMANDS } from './generic-scan.ts';
import { SORT_COMMANDS } from './generic-sort.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  keysFrom,
  oneKey,
  type RunStatus,
} from './spec.ts';

/** DEL and UNLINK: freeing a string of any size is O(1), so both free at once. */
function cmdDel(ctx: CommandContext): RunStatus {
  const count = ctx.args.count;
  if (!ctx.mayRun(count)) return ESCALATE;
  let deleted = 0;
  for (let i = 1; i < count; i++) {
    if (!ctx.at(i).delete(ctx.db, ctx.key)) continue;
    deleted += 1;
    tellDeleted(ctx, ctx.key);
  }
  ctx.reply.integer(deleted);
  return DONE;
}

function cmdExists(ctx: CommandContext): RunStatus {
  const count = ctx.args.count;
  if (!ctx.mayRun(count)) return ESCALATE;
  let found = 0;
  for (let i = 1; i < count; i++) {
    if (peek(ctx.at(i), ctx.db, ctx.key) !== 0) found += 1;
  }
  ctx.reply.integer(found);
  return DONE;
}

function cmdTouch(ctx: CommandContext): RunStatus {
  const count = ctx.args.count;
  if (!ctx.mayRun(count)) return ESCALATE;
  let touched = 0;
  for (let i = 1; i < count; i++) {
    if (ctx.at(i).findRead(ctx.db, ctx.key) !== 0) touched += 1;
  }
  ctx.reply.integer(touched);
  return DONE;
}

function cmdType(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = peek(shard, ctx.db, ctx.key);
  ctx.reply.simple(ref === 0 ? 'none' : TYPE_NAMES[shard.typeOf(ref)]!);
  return DONE;
}

const KEY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'del',
    summary: 'Deletes keys.',
    since: '1.0.0',
    group: 'generic',
    arity: -2,
    flags: ['write'],
    acl: ['keyspace'],
    keys: [keysFrom(1, 1, 'RM', 'DELETE')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdDel,
  },
  {
    name: 'unlink',
    summary: 'Deletes keys; their memory may be freed later.',
    since: '4.0.0',
    group: 'generic',
    arity: -2,
    flags: ['write', 'fast'],
    acl: ['keyspace'],
    keys: [keysFrom(1, 1, 'RM', 'DELETE')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdDel,
  },
  {
    name: 'exists',
    summary: 'Counts how many of the keys named exist.',
    since: '1.0.0',
    group: 'generic',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['keyspace'],
    keys: [keysFrom(1, 1, 'RO')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdExists,
  },
  {
    name: 'touch',
    summary: 'Marks keys as accessed now and counts how many of them exist.',
    since: '3.2.1',
    group: 'generic',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['keyspace'],
    keys: [keysFrom(1, 1, 'RO')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdTouch,
  },
  {
    name: 'type',
    summary: 'Returns the type of the value at a key.',
    since: '1.0.0',
    group: 'generic',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RO')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdType,
  },
];

export const GENERIC_COMMANDS: readonly CommandSpec[] = [
  ...KEY_COMMANDS,
  ...COPY_COMMANDS,
  ...DUMP_COMMANDS,
  ...EXPIRE_COMMANDS,
  ...SCAN_COMMANDS,
  ...DATABASE_COMMANDS,
  ...OBJECT_COMMANDS,
  ...MEMORY_COMMANDS,
  ...SORT_COMMANDS,
  MIGRATE_COMMAND,
];

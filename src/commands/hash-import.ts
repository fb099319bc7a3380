/** HIMPORT: hashes that share the names of their fields, which are sent once a connection. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_HASH } from '../keyspace/entry.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { tellReplaced } from './event-names.ts';
import { PREPARE_DUPLICATE, PREPARED } from './fieldsets.ts';
import { replyFull, tellFieldsSet, writeHash } from './hash-access.ts';
import { logArgument, logDelete } from './log-effects.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
  type SessionContext,
} from './spec.ts';

const HSET = asciiBytes('HSET');

function cmdPrepare({ args, reply, session }: SessionContext): void {
  const status = session.fieldsets.prepare(args);
  if (status === PREPARED) reply.ok();
  else if (status === PREPARE_DUPLICATE) reply.errorBytes(ERROR_BYTES.FIELDSET_DUPLICATE);
  else reply.errorBytes(ERROR_BYTES.FIELDSETS_TOO_LARGE);
}

function cmdDiscard({ args, reply, session }: SessionContext): void {
  reply.integer(session.fieldsets.discard(args) ? 1 : 0);
}

function cmdDiscardAll({ reply, session }: SessionContext): void {
  reply.integer(session.fieldsets.clear());
}

/** Comes with names and values in pairs from argument 3 on: see FieldsetExpander. */
function cmdSet(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const { count } = args;
  if (count > 5 && !ctx.mayRun(count * 2)) return ESCALATE;
  const shard = ctx.at(2);
  const old = writeHash(ctx, shard);
  if (old < 0) return DONE;
  const { buf, offset, length } = args;
  if (!shard.hashes.replaceAll(db, key, buf, offset, length, 3, count)) {
    replyFull(ctx);
    return DONE;
  }
  reply.ok();
  if (ctx.effects.isOn) logReplaced(ctx, old !== 0);
  tellReplaced(ctx, shard, key, TYPE_HASH, db);
  tellFieldsSet(ctx, 3, count);
  return DONE;
}

/** The hash anew: what is sent has no names of fields in it. */
function logReplaced(ctx: CommandContext, hadOld: boolean): void {
  const { args, effects, db } = ctx;
  if (hadOld) logDelete(ctx, 2);
  effects.command(db, HSET, args.count - 1);
  logArgument(ctx, 2);
  for (let i = 3; i < args.count; i++) logArgument(ctx, i);
}

export const HASH_IMPORT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'himport',
    summary: 'Stores hashes whose field names were sent before.',
    since: '8.10.0',
    group: 'hash',
    arity: -2,
    flags: [],
    acl: ['hash'],
    keys: [],
    syntax: '',
    place: 'session',
    run: ({ reply }) => reply.errorBytes(ERROR_BYTES.SYNTAX),
    subcommands: [
      {
        name: 'prepare',
        summary: 'Declares the field names of hashes to come on this connection.',
        since: '8.10.0',
        group: 'hash',
        arity: -4,
        flags: ['denyoom'],
        acl: ['hash'],
        keys: [],
        syntax: 'fieldset-name field [field ...]',
        place: 'session',
        run: cmdPrepare,
      },
      {
        name: 'set',
        summary: 'Stores a hash of declared field names and the values given.',
        since: '8.10.0',
        group: 'hash',
        arity: -5,
        flags: ['write', 'denyoom'],
        acl: ['hash'],
        keys: [oneKey(2, 'OW', 'UPDATE')],
        syntax: 'key fieldset-name value [value ...]',
        place: 'shard',
        shards: 'keys',
        usesFieldset: true,
        run: cmdSet,
      },
      {
        name: 'discard',
        summary: 'Forgets declared field names.',
        since: '8.10.0',
        group: 'hash',
        arity: 3,
        flags: [],
        acl: ['hash'],
        keys: [],
        syntax: 'fieldset-name',
        place: 'session',
        run: cmdDiscard,
      },
      {
        name: 'discardall',
        summary: 'Forgets all field names that this connection has declared.',
        since: '8.10.0',
        group: 'hash',
        arity: 2,
        flags: [],
        acl: ['hash'],
        keys: [],
        syntax: '',
        place: 'session',
        run: cmdDiscardAll,
      },
    ],
  },
];

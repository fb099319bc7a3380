/** Every command of the server, family by family. */
import { BITMAP_COMMANDS } from './bitmap.ts';
import { CLUSTER_COMMANDS } from './cluster.ts';
import { CONNECTION_COMMANDS } from './connection.ts';
import { DEBUG_COMMANDS } from './debug.ts';
import { GENERIC_COMMANDS } from './generic.ts';
import { GEO_COMMANDS } from './geo.ts';
import { HASH_COMMANDS } from './hash.ts';
import { HYPERLOGLOG_COMMANDS } from './hyperloglog.ts';
import { LIST_COMMANDS } from './list.ts';
import { PUBSUB_COMMANDS } from './pubsub.ts';
import { SERVER_COMMANDS } from './server.ts';
import { SET_COMMANDS } from './set.ts';
import type { CommandSpec } from './spec.ts';
import { STREAM_COMMANDS } from './stream.ts';
import { STRING_COMMANDS } from './string.ts';
import { TRANSACTION_COMMANDS } from './transaction.ts';
import { WAIT_COMMANDS } from './wait.ts';
import { WATCH_COMMANDS } from './watch.ts';
import { ZSET_COMMANDS } from './zset.ts';

export const ALL_COMMANDS: readonly CommandSpec[] = [
  ...CONNECTION_COMMANDS,
  ...TRANSACTION_COMMANDS,
  ...WATCH_COMMANDS,
  ...STRING_COMMANDS,
  ...BITMAP_COMMANDS,
  ...LIST_COMMANDS,
  ...HASH_COMMANDS,
  ...SET_COMMANDS,
  ...ZSET_COMMANDS,
  ...GEO_COMMANDS,
  ...HYPERLOGLOG_COMMANDS,
  ...STREAM_COMMANDS,
  ...PUBSUB_COMMANDS,
  ...GENERIC_COMMANDS,
  ...SERVER_COMMANDS,
  ...DEBUG_COMMANDS,
  ...WAIT_COMMANDS,
  ...CLUSTER_COMMANDS,
];

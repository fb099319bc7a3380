/**
 * Cluster: CLUSTER, READONLY, READWRITE, ASKING. There is no cluster mode, so all of them answer as
 * a Redis server that does not run in it, HELP included; clients find out by that error.
 */
import { ERROR_BYTES } from '../resp/errors.ts';
import { replyUnknownSubcommand } from './help.ts';
import type { CommandFlag, CommandSpec, SessionCommandSpec, SessionContext } from './spec.ts';

function replyDisabled(ctx: SessionContext): void {
  ctx.reply.errorBytes(ERROR_BYTES.CLUSTER_DISABLED);
}

/** What the rows of this family have in common. */
const COMMON = {
  group: 'cluster',
  acl: [],
  keys: [],
  place: 'session',
  run: replyDisabled,
} as const;

/** For those that change the configuration of a cluster. */
const CHANGES: readonly CommandFlag[] = ['admin', 'stale', 'no_async_loading'];
const SHOWS_TO_ADMIN: readonly CommandFlag[] = ['admin', 'stale'];
const SHOWS: readonly CommandFlag[] = ['stale'];
const SHOWS_ALWAYS: readonly CommandFlag[] = ['loading', 'stale'];

/** `name` with its arguments. */
type Row = readonly [
  usage: string,
  arity: number,
  since: string,
  flags: readonly CommandFlag[],
  summary: string,
];

const RANGES = 'start-slot end-slot [start-slot end-slot ...]';
const NODE = 'node-id';

const ROWS: readonly Row[] = [
  ['addslots slot [slot ...]', -3, '3.0.0', CHANGES, 'Gives slots to a node.'],
  [`addslotsrange ${RANGES}`, -4, '7.0.0', CHANGES, 'Gives ranges of slots to a node.'],
  ['bumpepoch', 2, '3.0.0', CHANGES, 'Moves the epoch of the configuration on.'],
  [
    `count-failure-reports ${NODE}`,
    3,
    '3.0.0',
    SHOWS_TO_ADMIN,
    'Counts the reports of a failure of a node.',
  ],
  ['countkeysinslot slot', 3, '3.0.0', SHOWS, 'Counts the keys in a slot.'],
  ['delslots slot [slot ...]', -3, '3.0.0', CHANGES, 'Takes slots from a node.'],
  [`delslotsrange ${RANGES}`, -4, '7.0.0', CHANGES, 'Takes ranges of slots from a node.'],
  ['failover [FORCE | TAKEOVER]', -2, '3.0.0', CHANGES, 'Has a replica become the master.'],
  ['flushslots', 2, '3.0.0', CHANGES, 'Takes all slots from a node.'],
  [`forget ${NODE}`, 3, '3.0.0', CHANGES, 'Removes a node from the list of nodes.'],
  ['getkeysinslot slot count', 4, '3.0.0', SHOWS, 'Returns keys in a slot.'],
  ['help', 2, '5.0.0', SHOWS_ALWAYS, 'Lists the sub-commands of CLUSTER.'],
  ['info', 2, '3.0.0', SHOWS, 'Describes the state of the cluster.'],
  ['keyslot key:string', 3, '3.0.0', SHOWS, 'Returns the slot of a key.'],
  ['links', 2, '7.0.0', SHOWS, 'Lists the connections between nodes.'],
  ['meet ip port [cluster-bus-port:integer]', -4, '3.0.0', CHANGES, 'Takes in another node.'],
  [
    `migration <IMPORT ${RANGES} | CANCEL <ID task-id | ALL> | STATUS <[ID task-id] | [ALL]>>`,
    -4,
    '8.4.0',
    CHANGES,
    'Begins, ends and shows moves of slots.',
  ],
  ['myid', 2, '3.0.0', SHOWS, 'Returns the ID of the node.'],
  ['myshardid', 2, '7.2.0', SHOWS, 'Returns the ID of the shard of the node.'],
  ['nodes', 2, '3.0.0', SHOWS, 'Lists the nodes of the cluster in text.'],
  [`replicas ${NODE}`, 3, '5.0.0', SHOWS_TO_ADMIN, 'Lists the replicas of a node.'],
  [`replicate ${NODE}`, 3, '3.0.0', CHANGES, 'Makes the node a replica of another.'],
  [
    'reset [HARD | SOFT]',
    -2,
    '3.0.0',
    ['admin', 'noscript', 'stale'],
    'Brings the node back to the state of a new one.',
  ],
  ['saveconfig', 2, '3.0.0', CHANGES, 'Writes the file of the cluster configuration.'],
  ['set-config-epoch config-epoch:integer', 3, '3.0.0', CHANGES, 'Sets the epoch of a new node.'],
  [
    `setslot slot <IMPORTING ${NODE} | MIGRATING ${NODE} | NODE ${NODE} | STABLE>`,
    -4,
    '3.0.0',
    CHANGES,
    'Binds a slot to a node, or says how it moves.',
  ],
  ['shards', 2, '7.0.0', SHOWS_ALWAYS, 'Lists the shards of the cluster with their nodes.'],
  [`slaves ${NODE}`, 3, '3.0.0', SHOWS_TO_ADMIN, 'The older name of CLUSTER REPLICAS.'],
  [
    'slot-stats <SLOTSRANGE start-slot end-slot | ORDERBY metric [LIMIT limit] [ASC | DESC]>',
    -4,
    '8.2.0',
    SHOWS_ALWAYS,
    'Shows figures of slots.',
  ],
  ['slots', 2, '3.0.0', SHOWS_ALWAYS, 'Lists ranges of slots with their nodes.'],
];

function subcommand([usage, arity, since, flags, summary]: Row): SessionCommandSpec {
  const [name] = usage.split(' ', 1);
  const syntax = usage.slice(name!.length + 1);
  return { ...COMMON, name: name!, summary, since, arity, flags, syntax };
}

const CONNECTION = {
  ...COMMON,
  since: '3.0.0',
  arity: 1,
  acl: ['connection'],
  syntax: '',
} as const;

export const CLUSTER_COMMANDS: readonly CommandSpec[] = [
  {
    ...COMMON,
    name: 'cluster',
    summary: 'Contains the commands about the cluster.',
    since: '3.0.0',
    arity: -2,
    flags: [],
    syntax: '',
    run: replyUnknownSubcommand('CLUSTER'),
    subcommands: ROWS.map(subcommand),
  },
  {
    ...CONNECTION,
    name: 'asking',
    summary: 'Lets the next command use a slot that is on its way to the node.',
    flags: ['fast'],
  },
  {
    ...CONNECTION,
    name: 'readonly',
    summary: 'Lets the connection read from a replica.',
    flags: ['loading', 'stale', 'fast'],
  },
  {
    ...CONNECTION,
    name: 'readwrite',
    summary: 'Ends what READONLY allowed.',
    flags: ['loading', 'stale', 'fast'],
  },
];

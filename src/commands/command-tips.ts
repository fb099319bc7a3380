/**
 * Command tips: what COMMAND INFO says to clients of several servers about where a command goes,
 * how its replies are put together, and whether the same call answers the same again.
 */

const NO_TIPS: readonly string[] = [];
const VARIES = 'nondeterministic_output';
const VARIES_IN_ORDER = 'nondeterministic_output_order';

const to = (where: string): string => `request_policy:${where}`;
const by = (what: string): string => `response_policy:${what}`;

/** Tips, and the full names of the commands that have them. */
const GROUPS: readonly (readonly [tips: readonly string[], names: string])[] = [
  [
    [VARIES],
    'client|info client|list cluster|bumpepoch cluster|count-failure-reports ' +
      'cluster|getkeysinslot cluster|info cluster|links cluster|nodes cluster|replicas ' +
      'cluster|shards cluster|slaves cluster|slots migrate dump hpttl hrandfield hscan httl ' +
      'lastsave object|encoding object|freq object|idletime object|refcount pttl spop ' +
      'srandmember sscan time ttl xadd xautoclaim xclaim xinfo|consumers xpending xtrim ' +
      'zrandmember zscan',
  ],
  [
    [VARIES_IN_ORDER],
    'command command|docs command|info command|list hgetall hkeys hvals module|list sdiff sinter ' +
      'smembers sunion',
  ],
  [[VARIES_IN_ORDER, to('all_shards')], 'keys'],
  [[VARIES, to('special'), by('special')], 'scan'],
  [
    [VARIES, to('all_shards'), by('special')],
    'info memory|doctor memory|malloc-stats memory|stats randomkey',
  ],
  [
    [VARIES, to('all_nodes'), by('special')],
    'latency|doctor latency|graph latency|histogram latency|history latency|latest',
  ],
  [[VARIES, to('all_nodes')], 'slowlog|get'],
  [[VARIES, to('all_nodes'), by('agg_sum')], 'slowlog|len'],
  [[to('all_nodes'), by('agg_sum')], 'latency|reset'],
  [
    [to('all_nodes'), by('all_succeeded')],
    'acl|deluser acl|save acl|setuser client|setinfo client|setname config|resetstat ' +
      'config|rewrite config|set slowlog|reset',
  ],
  [[to('all_shards'), by('agg_min')], 'wait waitaof'],
  [[to('all_shards'), by('agg_sum')], 'dbsize'],
  [[to('all_shards'), by('all_succeeded')], 'flushall flushdb memory|purge ping'],
  [[to('multi_shard')], 'mget'],
  [[to('multi_shard'), by('agg_sum')], 'del exists touch unlink'],
  [[to('multi_shard'), by('all_succeeded')], 'mset'],
];

const TIPS: ReadonlyMap<string, readonly string[]> = new Map(
  GROUPS.flatMap(([tips, names]) => names.split(' ').map((name) => [name, tips] as const)),
);

/** Every command that has tips, by full name (`client|list`). */
export const TIPPED_COMMANDS: readonly string[] = [...TIPS.keys()];

/** The tips of a command by its full name; none for most. */
export function tipsOf(fullName: string): readonly string[] {
  return TIPS.get(fullName) ?? NO_TIPS;
}

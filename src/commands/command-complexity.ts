/**
 * How long commands take: the `complexity` of COMMAND DOCS. It tells users of a command what it
 * costs by the size of the data; it leaves out what shards, snapshots and the log add to it.
 */

/** Costs, and the full names (`client|list`) of the commands that have them. */
const GROUPS: readonly (readonly [complexity: string, names: string])[] = [
  [
    'O(1)',
    'append bgrewriteaof bgsave dbsize decr decrby delex echo expire expireat expiretime get ' +
      'getbit getdel getex getset hello hexists hget himport|discard hincrby hincrbyfloat hlen ' +
      'hsetnx hstrlen incr incrby incrbyfloat increx info lastsave llen lolwut lmove blmove ' +
      'brpoplpush rpoplpush move multi persist pexpire pexpireat pexpiretime ping psetex pttl ' +
      'quit randomkey rename renamenx replicaof slaveof reset role scard select set setbit setex ' +
      'setnx sismember smove strlen time ttl type unwatch wait waitaof xidmprecord xlen xsetid ' +
      'zcard zscore geodist xcfgset',
  ],
  [
    'O(1)',
    'failover psync replconf sync acl|dryrun acl|genpass acl|whoami client|caching ' +
      'client|getname client|getredir client|id client|info client|no-evict client|no-touch ' +
      'client|pause client|reply client|setinfo client|setname client|tracking ' +
      'client|trackinginfo client|unblock command|count config|resetstat config|rewrite ' +
      'hotkeys|reset hotkeys|start hotkeys|stop memory|stats module|list object|encoding ' +
      'object|freq object|idletime object|refcount pubsub|numpat slowlog|len xgroup|create ' +
      'xgroup|createconsumer xgroup|setid',
  ],
  [
    'O(1)',
    'module|load module|loadex module|unload acl|help client|help command|help config|help ' +
      'debug|help hotkeys|help latency|help memory|help module|help object|help pubsub|help ' +
      'slowlog|help xgroup|help xinfo|help',
  ],
  [
    'O(1), as a fixed number of samples is kept',
    'latency|doctor latency|graph latency|history latency|latest latency|reset memory|doctor',
  ],
  ['O(1) for each command that it shows to the client', 'monitor'],
  [
    'that of the sub-command',
    'acl client cluster config debug himport hotkeys latency memory module object pubsub slowlog ' +
      'xgroup xinfo',
  ],
  ['the sum of what the queued commands take', 'exec'],

  // Access control and connections.
  ['O(N) with N the number of passwords of the user', 'auth'],
  ['O(1), as the categories and the commands are fixed', 'acl|cat'],
  ['O(N) with N the number of users named', 'acl|deluser'],
  ['O(N) with N the number of rules of the user', 'acl|getuser'],
  ['O(N) with N the number of rules given', 'acl|setuser'],
  ['O(N) with N the number of users', 'acl|list acl|load acl|save acl|users'],
  ['O(N) with N the number of entries shown', 'acl|log slowlog|get'],
  ['O(N) with N the number of entries kept', 'slowlog|reset'],
  ['O(N) with N the number of connections', 'client|kill client|list'],
  ['O(N) with N the number of paused clients', 'client|unpause'],

  // The server.
  ['O(N) with N the number of commands', 'command command|list'],
  ['O(N) with N the number of commands shown', 'command|docs command|info latency|histogram'],
  ['O(N) with N the number of arguments', 'command|getkeys command|getkeysandflags'],
  ['O(N) with N the number of directives given', 'config|get config|set'],
  ['O(N) with N the number of keys in all databases', 'flushall memory|bigkeys save'],
  ['O(N) with N the number of keys in the database', 'flushdb'],
  ['O(N) with N the number of keys where it saves, otherwise O(1)', 'shutdown'],
  ['O(N) with N the number of clients that watch or wait for keys of either', 'swapdb'],
  ['O(N) with N the number of pages of memory', 'memory|malloc-stats memory|purge'],
  ['O(N) with N the number of elements looked at', 'memory|usage'],
  ['O(N) with N the number of keys that are counted', 'hotkeys|get'],

  // Keys.
  ['O(N*M) at worst with N elements of M bytes in the mean; O(1) for short strings', 'dump'],
  [
    'O(N*M) with N elements of M bytes in the mean, and log(N) times that for sorted sets',
    'restore restore-asking',
  ],
  ['O(N) with N the number of elements of the value; O(1) for strings', 'copy'],
  ['O(N) with N the number of keys; O(M) for a key with M elements', 'del'],
  ['O(1) for each key; what takes O(M) for M elements is freed later', 'unlink'],
  ['O(1) for each key', 'migrate watch'],
  ['O(N) with N the number of keys', 'blpop brpop exists mget mset msetex msetnx touch'],
  ['O(N) with N the number of keys in the database, for short names and patterns', 'keys'],
  ['O(1) for a call, O(N) for a whole iteration over N elements', 'hscan scan sscan zscan'],
  ['O(N+M*log(M)) with N elements, M of them returned; O(N) unsorted', 'sort sort_ro'],

  // Strings, bitmaps, HyperLogLogs.
  ['O(N) with N the number of bytes', 'bitcount bitop bitpos digest'],
  ['O(N) with N the number of bytes returned', 'getrange substr'],
  ['O(N) with N the number of bytes given', 'setrange'],
  ['O(N*M) with N and M the lengths of the two strings', 'lcs'],
  ['O(1) for each operation given', 'bitfield bitfield_ro'],
  ['O(1) for each element given', 'pfadd'],
  ['O(1) for one key; O(N) with N the number of keys, each of which takes long', 'pfcount'],
  ['O(N) with N the number of keys, each of which takes long', 'pfmerge'],
  ['O(1) with a large constant', 'pfdebug pfselftest'],

  // Lists.
  ['O(1) for each element given', 'lpush lpushx rpush rpushx'],
  ['O(N) with N the number of elements returned', 'lpop rpop'],
  ['O(N) with N the number of elements moved', 'blmovem lmovem'],
  ['O(N+M) with N the number of keys and M of elements returned', 'blmpop lmpop'],
  ['O(N) with N the number of elements to the nearer end', 'lindex lset'],
  ['O(N) with N the number of elements before the pivot', 'linsert'],
  ['O(N) with N the number of elements; less near an end, and with MAXLEN', 'lpos'],
  ['O(S+N) with S elements to the nearer end and N returned', 'lrange'],
  ['O(N+M) with N the length of the list and M elements removed', 'lrem'],
  ['O(N) with N the number of elements removed', 'ltrim'],

  // Hashes.
  [
    'O(N) with N the number of fields given',
    'hdel hexpire hexpireat hexpiretime hgetdel hgetex himport|prepare himport|set hmget hmset ' +
      'hpersist hpexpire hpexpireat hpexpiretime hpttl hset hsetex httl',
  ],
  ['O(N) with N the number of fields of the hash', 'hgetall hkeys hvals'],
  ['O(N) with N the number of fields returned', 'hrandfield'],
  ['O(N) with N the number of fieldsets', 'himport|discardall'],

  // Sets.
  ['O(1) for each member given', 'sadd smismember srem'],
  ['O(N) with N the number of members', 'smembers'],
  ['O(N) with N the number of members returned; O(1) without a count', 'spop srandmember'],
  ['O(N) with N the number of members in all sets', 'sdiff sdiffstore sunion sunionstore'],
  ['O(N) with N the number of members in all sets', 'sdiffcard sunioncard'],
  ['O(N*M) at worst with N members in the smallest of M sets', 'sinter sintercard sinterstore'],

  // Sorted sets and geo.
  ['O(log(N)) for each member given, with N members', 'geoadd zadd'],
  ['O(log(N)) with N members', 'bzpopmax bzpopmin zcount zincrby zlexcount zrank zrevrank'],
  ['O(M*log(N)) with N members, M of them removed', 'zpopmax zpopmin zrem'],
  ['O(K+M*log(N)) with K keys, and M of N members removed', 'bzmpop zmpop'],
  ['O(1) for each member given', 'geohash geopos zmscore'],
  ['O(N) with N the number of members returned', 'zrandmember'],
  [
    'O(log(N)+M) with N members, M of them returned',
    'zrange zrangebylex zrangebyscore zrevrange zrevrangebylex zrevrangebyscore',
  ],
  ['O(log(N)+M) with N members, M of them stored', 'zrangestore'],
  [
    'O(log(N)+M) with N members, M of them removed',
    'zremrangebylex zremrangebyrank zremrangebyscore',
  ],
  [
    'O(L+(N-K)*log(N)) at worst with L members in all sets, N in the first, K in the result',
    'zdiff zdiffstore',
  ],
  ['O(N*K) at worst with N members in the smallest of K sets', 'zintercard'],
  [
    'O(N*K+M*log(M)) at worst with N members in the smallest of K sets, M in the result',
    'zinter zinterstore',
  ],
  ['O(N+M*log(M)) with N members in all sets, M in the result', 'zunion zunionstore'],
  [
    'O(N+log(M)) with N members in the box around the shape, M in the shape',
    'geosearch geosearchstore',
  ],
  [
    'O(N+log(M)) with N members in the box around the circle, M in the circle',
    'georadius georadius_ro georadiusbymember georadiusbymember_ro',
  ],

  // Streams.
  ['O(log(N)) for each ID given, with N entries', 'xdel xdelex'],
  ['O(log(N)) for each ID given, with N pending entries', 'xack xackdel xclaim xnack'],
  ['O(1); with trimming O(N) with N entries removed', 'xadd'],
  ['O(N) with N entries removed, most of them by nodes at a time', 'xtrim'],
  ['O(N) with N pending entries looked at', 'xautoclaim'],
  ['O(N) with N the number of entries returned', 'xrange xrevrange'],
  ['O(N) with N entries returned; a waiting client costs XADD O(1) more', 'xread xreadgroup'],
  ['O(N) with N the number of entries returned; those that IDLE leaves out count', 'xpending'],
  ['O(N) with N the number of pending entries', 'xgroup|delconsumer xgroup|destroy'],
  ['O(N) with N the number of consumers or groups', 'xinfo|consumers xinfo|groups'],
  ['O(1); with FULL O(N) with N entries shown', 'xinfo|stream'],

  // Pub/sub and transactions.
  ['O(N) with N the number of channels given', 'ssubscribe subscribe sunsubscribe unsubscribe'],
  ['O(N) with N the number of channels given', 'pubsub|numsub pubsub|shardnumsub'],
  ['O(N) with N the number of patterns given', 'psubscribe punsubscribe'],
  ['O(N) with N the number of channels that have subscribers', 'pubsub|channels'],
  ['O(N) with N the number of shard channels that have subscribers', 'pubsub|shardchannels'],
  ['O(N+M) with N subscribers of the channel and M patterns', 'publish'],
  ['O(N) with N subscribers of the channel', 'spublish'],
  ['O(N) with N queued commands', 'discard'],

  // Cluster.
  [
    'O(1)',
    'asking readonly readwrite cluster|bumpepoch cluster|countkeysinslot cluster|failover ' +
      'cluster|flushslots cluster|forget cluster|help cluster|info cluster|meet ' +
      'cluster|migration cluster|myid cluster|myshardid cluster|replicate cluster|saveconfig ' +
      'cluster|set-config-epoch cluster|setslot',
  ],
  ['O(N) with N the number of slots', 'cluster|addslots cluster|delslots'],
  ['O(N) with N the number of slots', 'cluster|addslotsrange cluster|delslotsrange'],
  ['O(N) with N the number of slots', 'cluster|slot-stats'],
  ['O(N) with N the number of reports', 'cluster|count-failure-reports'],
  ['O(N) with N the number of keys returned', 'cluster|getkeysinslot'],
  ['O(N) with N the number of bytes of the key', 'cluster|keyslot'],
  ['O(N) with N the number of nodes', 'cluster|links cluster|nodes cluster|reset'],
  ['O(N) with N the number of nodes', 'cluster|shards cluster|slots'],
  ['O(N) with N the number of replicas', 'cluster|replicas cluster|slaves'],

  // DEBUG.
  [
    'O(1)',
    'debug|aof-flush-sleep debug|assert debug|change-repl-id debug|crash-and-recover ' +
      'debug|delay-rdb-client-free-seconds debug|dict-resizing debug|error debug|leak debug|log ' +
      'debug|object debug|oom debug|panic debug|pause-cron debug|protocol ' +
      'debug|quicklist-packed-threshold debug|replybuffer debug|restart debug|sdslen ' +
      'debug|segfault debug|set-active-expire debug|set-disable-deny-scripts ' +
      'debug|set-skip-checksum-validation debug|sleep debug|stringmatch-len',
  ],
  ['O(N) with N the number of elements in all databases', 'debug|digest debug|loadaof'],
  ['O(N) with N the number of elements in all databases', 'debug|reload'],
  ['O(N) with N the number of elements of the values', 'debug|digest-value'],
  ['O(N) with N the number of elements', 'debug|htstats-key debug|listpack debug|quicklist'],
  ['O(N) with N the number of keys', 'debug|htstats debug|populate'],
];

const COMPLEXITIES: ReadonlyMap<string, string> = new Map(
  GROUPS.flatMap(([text, names]) => names.split(' ').map((name) => [name, text] as const)),
);

/** Every command whose cost is told here, by full name. */
export const COMMANDS_WITH_COMPLEXITY: readonly string[] = [...COMPLEXITIES.keys()];

/** What a command costs, by its full name; null where nothing is said. */
export function complexityOf(fullName: string): string | null {
  return COMPLEXITIES.get(fullName) ?? null;
}

/**
 * Commands of Redis 8 that Tessera does not have (yet). ACL rules may name them, so that the users
 * of a Redis server can be taken over as they are; they allow and forbid nothing.
 */

/** Sub-commands in brackets behind their container. */
const NAMES = `
  asking backup[abort cleanup help list seal start status] failover migrate monitor psync readonly
  readwrite replconf sflush sync trimslots replicaof slaveof
  arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset
  arnext arop arring arscan arseek arset
  blmove blmovem blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin wait waitaof
  cluster[addslots addslotsrange bumpepoch count-failure-reports countkeysinslot delslots
  delslotsrange failover flushslots forget getkeysinslot help info keyslot links meet migration myid
  myshardid nodes replicas replicate reset saveconfig set-config-epoch setslot shards slaves
  slot-stats slots syncslots]
  eval eval_ro evalsha evalsha_ro fcall fcall_ro
  function[delete dump flush help kill list load restore stats]
  script[debug exists flush help kill load show]
  hotkeys[get help reset start stop]
  memory[doctor malloc-stats purge stats usage help]
  latency[doctor graph help histogram history latest reset]
  module[help list load loadex unload]
  psubscribe publish pubsub[channels help numpat numsub shardchannels shardnumsub] punsubscribe
  spublish ssubscribe subscribe sunsubscribe unsubscribe
  xack xackdel xadd xautoclaim xcfgset xclaim xdel xdelex xidmprecord xlen xnack xpending xrange
  xread xreadgroup xrevrange xsetid xtrim
  xgroup[create createconsumer delconsumer destroy help setid]
  xinfo[consumers groups help stream]
`;

/** Every name, sub-commands as `script|load`. */
export const OTHER_COMMANDS: ReadonlySet<string> = new Set(
  [...NAMES.matchAll(/([\w-]+)(?:\[([^\]]*)\])?/g)].flatMap(([, name, inner]) => [
    name!,
    ...(inner ?? '')
      .split(/\s+/)
      .filter((sub) => sub !== '')
      .map((sub) => `${name}|${sub}`),
  ]),
);

/**
 * What became of commands since they came: `history`, `doc_flags`, `deprecated_since` and
 * `replaced_by` of COMMAND DOCS. Versions are Redis's.
 */

export interface Change {
  readonly version: string;
  readonly text: string;
}

const NO_CHANGES: readonly Change[] = [];
const NO_FLAGS: readonly string[] = [];

const SEVERAL_ELEMENTS = 'takes several elements';
const MULTIPLE_MEMBERS = 'takes several members';
const TIMEOUT = '`timeout` may have a fraction';
const EXPIRE_OPTIONS = 'takes `NX`, `XX`, `GT` and `LT`';
const REFERENCES = 'takes `KEEPREF`, `DELREF` and `ACKED`';
const EXCLUSIVE = 'takes exclusive ends of the range';
const RESTORES = 'restore restore-asking';
const EXPIRES = 'expire expireat pexpire pexpireat';
const RADII = 'georadius georadius_ro georadiusbymember georadiusbymember_ro';

/** Changes from the oldest version on, and the full names of the commands that they are about. */
const CHANGES: readonly (readonly [version: string, text: string, names: string])[] = [
  ['2.0.0', 'takes `WITHSCORES`', 'zrangebyscore'],
  ['2.1.6', EXCLUSIVE, 'zrevrangebyscore'],
  ['2.4.0', SEVERAL_ELEMENTS, 'lpush rpush'],
  ['2.4.0', MULTIPLE_MEMBERS, 'sadd srem zadd zrem'],
  ['2.4.0', 'takes several fields', 'hdel'],
  ['2.6.0', 'takes a count', 'srandmember'],
  ['2.6.12', 'takes `EX`, `PX`, `NX` and `XX`', 'set'],
  ['2.8.0', 'answers -2 where there is no key', 'pttl ttl'],
  ['2.8.12', 'takes filters, `ID` among them', 'client|kill'],
  ['2.8.12', 'shows `id`', 'client|list'],
  ['3.0.0', 'takes `REPLACE`', RESTORES],
  ['3.0.0', 'takes `COPY` and `REPLACE`', 'migrate'],
  ['3.0.2', 'takes `NX`, `XX`, `CH` and `INCR`', 'zadd'],
  ['3.0.3', 'takes several keys', 'exists'],
  ['3.0.6', 'takes `KEYS`', 'migrate'],
  ['3.2.0', 'takes a count', 'spop'],
  ['3.2.0', 'takes the type `master`', 'client|kill'],
  ['3.2.0', 'is no error for two equal names', 'renamenx'],
  ['3.2.2', 'takes `SCHEDULE`', 'bgsave'],
  ['4.0.0', SEVERAL_ELEMENTS, 'lpushx rpushx'],
  ['4.0.0', 'takes several fields with their values', 'hset'],
  ['4.0.0', 'takes `ASYNC`', 'flushall flushdb'],
  ['4.0.0', 'takes the port of the cluster bus', 'cluster|meet'],
  ['4.0.0', 'shows IDs of nodes', 'cluster|slots'],
  ['4.0.0', 'shows address and name of the client', 'slowlog|get'],
  ['4.0.7', 'takes `AUTH`', 'migrate'],
  ['5.0.0', 'takes `ABSTTL`, `IDLETIME` and `FREQ`', RESTORES],
  ['5.0.0', 'takes the type `replica` for `slave`', 'client|kill'],
  ['5.0.0', 'takes `TYPE`', 'client|list'],
  ['6.0.0', 'takes a user name', 'auth'],
  ['6.0.0', 'takes `AUTH2`', 'migrate'],
  ['6.0.0', TIMEOUT, 'blpop brpop brpoplpush bzpopmax bzpopmin'],
  ['6.0.0', 'shows `user`', 'client|list'],
  ['6.0.0', 'takes `TYPE`', 'scan'],
  ['6.0.0', 'takes `KEEPTTL`', 'set'],
  ['6.0.0', 'takes `FULL`', 'xinfo|stream'],
  ['6.2.0', 'tells about channels', 'acl|getuser'],
  ['6.2.0', 'takes rules about channels', 'acl|setuser'],
  ['6.2.0', 'takes `LADDR`', 'client|kill'],
  ['6.2.0', 'takes `ID`; shows `laddr`, `redir`, `argv-mem` and `tot-mem`', 'client|list'],
  ['6.2.0', 'takes `WRITE` and `ALL`', 'client|pause'],
  ['6.2.0', 'takes `SYNC`', 'flushall flushdb'],
  ['6.2.0', 'takes `NX`, `XX` and `CH`', 'geoadd'],
  ['6.2.0', 'takes `ANY` behind `COUNT`', RADII],
  ['6.2.0', 'works without arguments', 'hello'],
  ['6.2.0', 'takes a count', 'lpop rpop'],
  ['6.2.0', 'takes `GET`, `EXAT` and `PXAT`', 'set'],
  ['6.2.0', 'takes `NOMKSTREAM`, `MINID` and `LIMIT`', 'xadd'],
  ['6.2.0', 'takes `IDLE` and exclusive ends of the range', 'xpending'],
  ['6.2.0', EXCLUSIVE, 'xrange xrevrange'],
  ['6.2.0', 'takes `MINID` and `LIMIT`', 'xtrim'],
  ['6.2.0', 'takes `GT` and `LT`', 'zadd'],
  ['6.2.0', 'takes `BYSCORE`, `BYLEX`, `REV` and `LIMIT`', 'zrange'],
  ['7.0.0', 'shows keys and channels as rules; has selectors', 'acl|getuser'],
  ['7.0.0', 'takes selectors and permissions for keys', 'acl|setuser'],
  ['7.0.0', 'takes `BYTE` and `BIT`', 'bitcount bitpos'],
  ['7.0.0', 'shows `resp`, `multi-mem`, `rbs` and `rbp`', 'client|list'],
  ['7.0.0', 'shows further addresses of nodes', 'cluster|slots'],
  ['7.0.0', 'works without arguments', 'command|info'],
  ['7.0.0', 'takes several patterns', 'config|get'],
  ['7.0.0', 'takes several directives', 'config|set'],
  ['7.0.0', EXPIRE_OPTIONS, EXPIRES],
  ['7.0.0', 'takes units in upper case', `${RADII} geosearch geosearchstore`],
  ['7.0.0', 'takes several sections', 'info'],
  ['7.0.0', 'takes `NX` together with `GET`', 'set'],
  ['7.0.0', 'takes `NOW`, `FORCE` and `ABORT`', 'shutdown'],
  ['7.0.0', 'takes IDs of the form `<ms>-*`', 'xadd'],
  ['7.0.0', 'tells which entries were deleted', 'xautoclaim'],
  ['7.0.0', 'takes `ENTRIESREAD`', 'xgroup|create xgroup|setid'],
  ['7.0.0', 'shows `entries-read` and `lag`', 'xinfo|groups'],
  ['7.0.0', 'shows deleted and added entries, and how far groups are', 'xinfo|stream'],
  ['7.0.0', 'takes `ENTRIESADDED` and `MAXDELETEDID`', 'xsetid'],
  ['7.0.3', 'shows `ssub`', 'client|list'],
  ['7.2.0', 'shows an ID and two times for each entry', 'acl|log'],
  ['7.2.0', 'shows `inactive`; `idle` is about attempts', 'xinfo|consumers'],
  ['7.2.0', 'shows `active-time`; `seen-time` is about attempts', 'xinfo|stream'],
  ['7.2.0', 'takes `WITHSCORE`', 'zrank zrevrank'],
  ['7.4.0', 'takes `MAXAGE`', 'client|kill'],
  ['7.4.0', 'takes `NOVALUES`', 'hscan'],
  ['8.2.0', 'has the operations `DIFF`, `DIFF1`, `ANDOR` and `ONE`', 'bitop'],
  ['8.2.0', REFERENCES, 'xadd xtrim'],
  ['8.4.0', 'takes `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE`', 'set'],
  ['8.4.0', 'takes `CLAIM`', 'xreadgroup'],
  ['8.6.0', 'takes `IDMP` and `IDMPAUTO`', 'xadd'],
  ['8.8.0', 'takes `COUNT` behind `AGGREGATE`', 'zinter zinterstore zunion zunionstore'],
];

/** Since when commands are deprecated, and what does their work; names in backquotes. */
const DEPRECATED: readonly (readonly [since: string, replacement: string, names: string])[] = [
  ['2.0.0', '`GETRANGE`', 'substr'],
  ['2.6.12', '`SET` with `NX`', 'setnx'],
  ['2.6.12', '`SET` with `EX`', 'setex'],
  ['2.6.12', '`SET` with `PX`', 'psetex'],
  ['4.0.0', '`HSET`, which takes several fields', 'hmset'],
  ['5.0.0', '`REPLICAOF`', 'slaveof'],
  ['5.0.0', '`CLUSTER REPLICAS`', 'cluster|slaves'],
  ['6.2.0', '`SET` with `!GET`', 'getset'],
  ['6.2.0', '`LMOVE` with `RIGHT` and `LEFT`', 'rpoplpush'],
  ['6.2.0', '`BLMOVE` with `RIGHT` and `LEFT`', 'brpoplpush'],
  ['6.2.0', '`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS`', 'georadius'],
  ['6.2.0', '`GEOSEARCH` with `BYRADIUS`', 'georadius_ro'],
  [
    '6.2.0',
    '`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS` and `FROMMEMBER`',
    'georadiusbymember',
  ],
  ['6.2.0', '`GEOSEARCH` with `BYRADIUS` and `FROMMEMBER`', 'georadiusbymember_ro'],
  ['6.2.0', '`ZRANGE` with `BYLEX`', 'zrangebylex'],
  ['6.2.0', '`ZRANGE` with `BYSCORE`', 'zrangebyscore'],
  ['6.2.0', '`ZRANGE` with `REV`', 'zrevrange'],
  ['6.2.0', '`ZRANGE` with `REV` and `BYLEX`', 'zrevrangebylex'],
  ['6.2.0', '`ZRANGE` with `REV` and `BYSCORE`', 'zrevrangebyscore'],
  ['7.0.0', '`CLUSTER SHARDS`', 'cluster|slots'],
  ['7.2.0', 'the end of the connection by the client', 'quit'],
];

/** Commands of servers for each other, and for those who look into them. */
const SYSTEM_COMMANDS: ReadonlySet<string> = new Set(
  'debug pfdebug pfselftest replconf restore-asking'.split(' '),
);

/** Since when a command is deprecated, and what does its work. */
export interface Deprecation {
  readonly since: string;
  readonly replacedBy: string;
}

const DEPRECATIONS: ReadonlyMap<string, Deprecation> = new Map(
  DEPRECATED.flatMap(([since, replacedBy, names]) =>
    names.split(' ').map((name) => [name, { since, replacedBy }] as const),
  ),
);

function changesByName(): ReadonlyMap<string, readonly Change[]> {
  const changes = new Map<string, Change[]>();
  for (const [version, text, names] of CHANGES) {
    for (const name of names.split(' ')) {
      const known = changes.get(name);
      if (known === undefined) changes.set(name, [{ version, text }]);
      else known.push({ version, text });
    }
  }
  return changes;
}

const HISTORIES = changesByName();

/** Every command that this file tells something about, by full name (`client|list`). */
export const COMMANDS_WITH_HISTORY: readonly string[] = [
  ...new Set([...HISTORIES.keys(), ...DEPRECATIONS.keys(), ...SYSTEM_COMMANDS]),
];

/** What changed in a command, by its full name, from the oldest version on. */
export function historyOf(fullName: string): readonly Change[] {
  return HISTORIES.get(fullName) ?? NO_CHANGES;
}

/** Null for a command that is not deprecated. */
export function deprecationOf(fullName: string): Deprecation | null {
  return DEPRECATIONS.get(fullName) ?? null;
}

const DEPRECATED_FLAGS: readonly string[] = ['deprecated'];
const SYSTEM_FLAGS: readonly string[] = ['syscmd'];

/** The `doc_flags` of a command. */
export function docFlagsOf(fullName: string): readonly string[] {
  if (DEPRECATIONS.has(fullName)) return DEPRECATED_FLAGS;
  return SYSTEM_COMMANDS.has(fullName) ? SYSTEM_FLAGS : NO_FLAGS;
}

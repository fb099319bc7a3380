/**
 * Random commands for the chaos fuzzer: what the other fuzzers leave out because its reply depends
 * on time, on other clients or on the server. Large values, blocking, messages, expiry in the
 * middle, snapshots, rewrites, and settings that change meanwhile.
 */
import type { Random } from '../support/random.ts';
import { type Command, FAMILIES, randomCommand } from './diff-commands.ts';
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

const KEYS = ['a', 'b', 'c', 'd', '', 'la', 's', 'big1', 'big2', 'big3', 'big4'];
const key = from(KEYS);
const big = from(['big1', 'big2', 'big3', 'big4']);
const seconds = word('0.001', '0.01', '0.03');
const ms = word('1', '5', '20', '60');
const end = word('LEFT', 'RIGHT');
const many =
  (count: number, ...parts: readonly Part[]): Part =>
  (random) => {
    const length = 1 + random.below(count);
    return Array.from({ length }, () => all(...parts)(random)).flat();
  };
const name: Part = (random) => `n${random.below(20_000)}`;
const score: Part = (random) => String(random.below(1000) / 8);
const text: Part = (random) => 'v'.repeat(random.below(random.oneIn(20) ? 100_000 : 200));

const LARGE: readonly Template[] = [
  ['RPUSH', big, many(2000, name)],
  ['LPUSH', big, many(20, text)],
  ['SADD', big, many(2000, name)],
  ['HSET', big, many(1000, name, text)],
  ['ZADD', big, many(2000, score, name)],
  ['SET', big, text],
  ['APPEND', big, text],
  ['XADD', big, word('*'), many(20, name, text)],
  ['COPY', big, big, word('REPLACE')],
  ['DEL', big],
  ['UNLINK', big, big],
  ['RENAME', big, big],
  ['SUNIONSTORE', big, big, big],
  ['SDIFFSTORE', big, big, big],
  ['ZUNIONSTORE', big, word('2'), big, big],
  ['ZINTERSTORE', big, word('2'), big, big],
  ['ZRANGESTORE', big, big, word('0'), word('-1')],
  ['SORT', big, word('ALPHA'), maybe(word('STORE'), big)],
  ['LRANGE', big, word('0'), word('-1')],
  ['HGETALL', big],
  ['SMEMBERS', big],
  ['ZRANGE', big, word('0'), word('-1'), word('WITHSCORES')],
  ['SPOP', big, word('1', '500')],
  ['ZPOPMIN', big, word('1', '500')],
  ['LTRIM', big, word('0', '100'), word('-1', '-300')],
  ['LMOVEM', big, big, end, end, word('COUNT'), word('2', '300')],
  ['ZREMRANGEBYRANK', big, word('0', '10'), word('5', '900')],
  ['XTRIM', big, word('MAXLEN'), maybe(word('~')), word('3', '50')],
  ['SCAN', word('0'), maybe(word('COUNT'), word('100'))],
  ['HSCAN', big, word('0'), word('COUNT'), word('500')],
  ['SSCAN', big, word('0'), word('COUNT'), word('500')],
  ['PFADD', big, many(500, name)],
  ['PFMERGE', big, big, big],
];

const EXPIRING: readonly Template[] = [
  ['PEXPIRE', key, ms],
  ['SET', key, text, word('PX'), ms],
  ['GETEX', key, word('PX'), ms],
  ['HPEXPIRE', key, ms, word('FIELDS'), word('1'), name],
  ['HSETEX', big, word('PX'), ms, word('FIELDS'), word('2'), name, text, name, text],
  ['HGETEX', big, word('PX'), ms, word('FIELDS'), word('1'), name],
];

const BLOCKING: readonly Template[] = [
  ['BLPOP', key, some(2, key), seconds],
  ['BRPOP', key, some(2, key), seconds],
  ['BLMOVE', key, key, end, end, seconds],
  ['BRPOPLPUSH', key, key, seconds],
  ['BLMPOP', seconds, word('2'), key, key, end],
  ['BZPOPMIN', key, some(2, key), seconds],
  ['BZMPOP', seconds, word('2'), key, key, word('MIN', 'MAX')],
  ['XREAD', word('BLOCK'), ms, word('STREAMS'), key, word('$')],
  [
    'XREADGROUP',
    word('GROUP'),
    word('g'),
    name,
    word('BLOCK'),
    ms,
    word('STREAMS'),
    key,
    word('>'),
  ],
  ['WAIT', word('0', '1'), word('5')],
  ['WAITAOF', word('0', '1'), word('0'), word('20')],
  ['RPUSH', key, name],
  ['ZADD', key, score, name],
  ['XADD', key, word('*'), name, text],
];

const MESSAGES: readonly Template[] = [
  ['PUBLISH', word('x', 'y', 'news'), text],
  ['SPUBLISH', word('x', 'y'), text],
  ['SUBSCRIBE', word('x', 'y')],
  ['PSUBSCRIBE', word('n*', '*')],
  ['SSUBSCRIBE', word('x', 'y')],
  ['UNSUBSCRIBE'],
  ['PUNSUBSCRIBE'],
  ['SUNSUBSCRIBE'],
  ['PUBSUB', word('CHANNELS', 'NUMPAT', 'SHARDCHANNELS')],
  ['RESET'],
  ['HELLO', word('2', '3')],
  ['CLIENT', word('TRACKING'), word('ON'), maybe(word('BCAST'))],
  ['CLIENT', word('TRACKING'), word('OFF')],
  ['CLIENT', word('CACHING'), word('YES')],
  ['CLIENT', word('NO-EVICT'), word('ON', 'OFF')],
  ['MONITOR'],
  ['MULTI'],
  ['EXEC'],
  ['WATCH', key],
  ['SELECT', word('0', '1', '2')],
];

const SETTINGS: readonly (readonly [string, readonly string[]])[] = [
  ['hash-max-listpack-entries', ['4', '512']],
  ['zset-max-listpack-entries', ['0', '4', '128']],
  ['set-max-intset-entries', ['4', '512']],
  ['set-max-listpack-entries', ['0', '128']],
  ['list-max-listpack-size', ['1', '128', '-2']],
  ['stream-node-max-entries', ['3', '100']],
  ['appendfsync', ['always', 'everysec', 'no']],
  ['appendonly', ['yes', 'no']],
  ['aof-use-rdb-preamble', ['yes', 'no']],
  ['aof-timestamp-enabled', ['yes', 'no']],
  ['rdbcompression', ['yes', 'no']],
  ['activedefrag', ['yes', 'no']],
  [
    'maxmemory-policy',
    ['noeviction', 'allkeys-lru', 'allkeys-lfu', 'volatile-ttl', 'allkeys-random'],
  ],
  ['maxmemory', ['0', '0', '30mb', '60mb']],
  ['lazyfree-lazy-user-del', ['yes', 'no']],
  ['lazyfree-lazy-server-del', ['yes', 'no']],
  ['lazyfree-lazy-user-flush', ['yes', 'no']],
  ['notify-keyspace-events', ['', 'KEA', 'Kg$h']],
  ['slowlog-log-slower-than', ['0', '10000']],
  ['latency-tracking', ['yes', 'no']],
  ['latency-monitor-threshold', ['0', '1']],
  ['hz', ['10', '100', '500']],
  ['tracking-table-max-keys', ['10', '1000']],
  ['save', ['', '1 1', '3600 1']],
];
const setting: Part = (random) => {
  const [directive, values] = random.pick(SETTINGS);
  return [directive, random.pick(values)];
};

const SERVER: readonly Template[] = [
  ['CONFIG', word('SET'), setting],
  ['CONFIG', word('SET'), setting],
  ['CONFIG', word('SET'), setting],
  ['CONFIG', word('RESETSTAT')],
  ['CONFIG', word('GET'), word('*', 'maxmemory*')],
  ['BGSAVE', maybe(word('SCHEDULE', 'CANCEL'))],
  ['BGREWRITEAOF'],
  ['SAVE'],
  ['FLUSHALL', maybe(word('ASYNC', 'SYNC'))],
  ['FLUSHDB', maybe(word('ASYNC', 'SYNC'))],
  ['SWAPDB', word('0', '1', '2'), word('0', '1', '2')],
  ['INFO', maybe(word('all', 'everything', 'memory', 'persistence', 'keyspace'))],
  ['MEMORY', word('STATS', 'DOCTOR', 'PURGE')],
  ['MEMORY', word('USAGE'), key, maybe(word('SAMPLES'), word('0', '5'))],
  ['OBJECT', word('ENCODING', 'FREQ', 'IDLETIME', 'REFCOUNT'), key],
  ['CLIENT', word('LIST', 'INFO', 'ID')],
  ['CLIENT', word('KILL'), word('TYPE'), word('pubsub')],
  ['CLIENT', word('KILL'), word('ID'), (random) => String(random.below(200))],
  ['CLIENT', word('UNBLOCK'), (random) => String(random.below(200)), maybe(word('ERROR'))],
  ['CLIENT', word('PAUSE'), word('1', '20'), maybe(word('WRITE'))],
  ['SLOWLOG', word('GET', 'LEN', 'RESET')],
  ['LATENCY', word('LATEST', 'RESET', 'DOCTOR', 'HISTOGRAM')],
  ['COMMAND', word('COUNT', 'DOCS')],
  ['DBSIZE'],
  ['LASTSAVE'],
  ['DEBUG', word('DIGEST', 'JMAP', 'CHANGE-REPL-ID')],
  ['DEBUG', word('OBJECT'), key],
  ['LOLWUT'],
];

const POOLS = { large: LARGE, expiring: EXPIRING, blocking: BLOCKING, messages: MESSAGES };

/**
 * A random command of any kind; those about the whole server are few. None whose effect depends on
 * limits of encodings, which are others when the log is replayed: -0 is 0 in what is packed, and a
 * HyperLogLog becomes dense by its size.
 */
export function chaosCommand(random: Random): Command {
  const kind = random.below(100);
  if (kind === 99) return made(random, SERVER);
  if (kind < 45) {
    const command = randomCommand(random, [random.pick(FAMILIES)]);
    return command[0] === 'CONFIG' || command.includes('-0') ? ['PING'] : command;
  }
  const pool = kind < 75 ? 'large' : kind < 86 ? 'expiring' : kind < 90 ? 'blocking' : 'messages';
  return made(random, POOLS[pool]);
}

function made(random: Random, templates: readonly Template[]): Command {
  const [verb, ...parts] = random.pick(templates);
  return [verb, ...parts.flatMap((part) => part(random))];
}

/**
 * Session commands beside a real redis-server: replies byte by byte, and what COMMAND says about
 * each command.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REDIS_VERSION } from '../../src/base/version.ts';
import { CommandIndex } from '../../src/commands/command-info.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { type Decoded, decodeReply } from '../support/decode-reply.ts';
import { SessionRunner } from '../support/fake-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';

/**
 * One line is a session of its own; `;` separates its commands. Words are separated by one blank.
 */
const SAME_REPLIES = `
PING;PING x;PING a b;ECHO x;ECHO
HELLO x;HELLO 4;HELLO 1;HELLO -3;HELLO 3.0;HELLO 99999999999999999999
HELLO 3 foo;HELLO 3 auth a;HELLO 3 AUTH default
HELLO 3 AUTH a b;HELLO 3 SETNAME;HELLO 3 SETNAME a\tb
HELLO 3 setname x auth nobody y
AUTH x;AUTH default x;AUTH nobody x;AUTH a b c;AUTH
SELECT x;SELECT 15;SELECT 16;SELECT -1;SELECT 2147483647;SELECT 2147483648;SELECT -2147483649
SELECT 99999999999999999999;SELECT 01
CLIENT;CLIENT foo;CLIENT ID x;CLIENT KILL;CLIENT SETNAME;CLIENT REPLY;CLIENT NO-EVICT;CLIENT PAUSE
CLIENT LIST foo;CLIENT LIST TYPE;CLIENT LIST TYPE foo;CLIENT LIST ID;CLIENT LIST ID x
CLIENT LIST TYPE normal ID 1;CLIENT LIST ID 99999999999999999999
CLIENT KILL x;CLIENT KILL 1.2.3.4:5;CLIENT KILL ID x;CLIENT KILL ID 0;CLIENT KILL ID 999
CLIENT KILL ID 999 TYPE;CLIENT KILL TYPE foo;CLIENT KILL USER foo;CLIENT KILL ADDR 1.2.3.4:5
CLIENT KILL SKIPME foo;CLIENT KILL ID 999 SKIPME no;CLIENT KILL foo bar;CLIENT KILL TYPE slave
CLIENT GETNAME;CLIENT SETNAME me;CLIENT GETNAME;CLIENT SETNAME a\tb;CLIENT GETNAME
CLIENT REPLY foo;CLIENT REPLY ON;CLIENT NO-EVICT foo;CLIENT NO-EVICT on;CLIENT NO-EVICT OFF
CLIENT PAUSE x;CLIENT PAUSE -1;CLIENT PAUSE 0 foo;CLIENT PAUSE 99999999999999999999
CLIENT PAUSE 0;CLIENT PAUSE 0 WRITE;CLIENT UNPAUSE
CLIENT UNBLOCK x;CLIENT UNBLOCK 99;CLIENT UNBLOCK 0;CLIENT UNBLOCK 99 foo;CLIENT UNBLOCK 99 ERROR x
CLIENT GETREDIR;CLIENT TRACKINGINFO
CLIENT TRACKING;CLIENT TRACKING x;CLIENT TRACKING ON x;CLIENT TRACKING on PREFIX a
CLIENT TRACKING off
CLIENT TRACKING on PREFIX;CLIENT TRACKING on REDIRECT;CLIENT TRACKING on REDIRECT x;CLIENT GETREDIR
CLIENT TRACKING off REDIRECT 99999;CLIENT TRACKING on REDIRECT -1;CLIENT TRACKING on REDIRECT 99999
CLIENT TRACKING x BCAST;CLIENT TRACKING x PREFIX;CLIENT TRACKING on OPTIN OPTOUT
CLIENT TRACKING on BCAST OPTIN;CLIENT TRACKING on BCAST OPTOUT PREFIX a;CLIENT TRACKINGINFO
CLIENT TRACKING on;CLIENT TRACKINGINFO;CLIENT GETREDIR;CLIENT TRACKING on BCAST;CLIENT TRACKING off
CLIENT TRACKING on OPTIN;CLIENT TRACKING on OPTOUT;CLIENT CACHING no;CLIENT CACHING x;CLIENT CACHING
CLIENT TRACKING on OPTIN NOLOOP;CLIENT CACHING yes;CLIENT TRACKINGINFO
CLIENT TRACKING on OPTOUT;CLIENT CACHING yes;CLIENT CACHING NO;CLIENT TRACKINGINFO;CLIENT GETREDIR
CLIENT CACHING yes;CLIENT CACHING no;CLIENT CACHING x;CLIENT CACHING yes x
CLIENT TRACKING on BCAST;CLIENT TRACKINGINFO;CLIENT TRACKING on BCAST PREFIX a;CLIENT TRACKING on
CLIENT TRACKING on BCAST PREFIX b PREFIX a;CLIENT TRACKING on BCAST PREFIX c;CLIENT TRACKINGINFO
CLIENT TRACKING on BCAST PREFIX b PREFIX a;CLIENT TRACKING on BCAST PREFIX ab;CLIENT TRACKING off
CLIENT TRACKING on BCAST PREFIX FOOBAR PREFIX FOO;CLIENT TRACKING on BCAST PREFIX a PREFIX a
CLIENT TRACKING on BCAST PREFIX b;CLIENT TRACKING on BCAST;CLIENT TRACKING on BCAST NOLOOP PREFIX c
CLIENT TRACKINGINFO x;CLIENT GETREDIR x;RESET;CLIENT TRACKINGINFO
MULTI;MULTI;DISCARD
DISCARD;UNWATCH;MULTI x
COMMAND foo;COMMAND LIST foo;COMMAND LIST FILTERBY;COMMAND LIST FILTERBY foo bar
COMMAND LIST FILTERBY MODULE x;COMMAND LIST FILTERBY ACLCAT foo
COMMAND INFO foo;COMMAND INFO client|;COMMAND DOCS foo;COMMAND COUNT x
COMMAND GETKEYS;COMMAND GETKEYS foo x;COMMAND GETKEYS get a
COMMAND GETKEYS get a b;COMMAND GETKEYS ping x
COMMAND GETKEYS mset a b c d;COMMAND GETKEYS mset a b c
COMMAND GETKEYS client kill;COMMAND GETKEYS object encoding x;COMMAND GETKEYS object foo x
COMMAND GETKEYS client|kill x
COMMAND GETKEYS migrate h 1 k 0 10;COMMAND GETKEYS migrate h 1 k 0 10 copy auth keys replace
COMMAND GETKEYS migrate keys 1 keys 0 10;COMMAND GETKEYS migrate h 1 k 0 10 KEYS
COMMAND GETKEYS migrate h 1 k 0 10 KEYS a;COMMAND GETKEYS migrate h 1 k 0 10 foo KEYS a
COMMAND GETKEYS migrate h 1 k 0 10 AUTH KEYS KEYS a;COMMAND GETKEYS migrate h 1 k 0 10 AUTH2 x KEYS
COMMAND GETKEYSANDFLAGS set a b;COMMAND GETKEYSANDFLAGS set a b get;COMMAND GETKEYSANDFLAGS ping x
COMMAND GETKEYSANDFLAGS bitop and a b c;COMMAND GETKEYSANDFLAGS lcs a b
COMMAND GETKEYSANDFLAGS bitfield k get u8 1;COMMAND GETKEYSANDFLAGS bitfield k set u8 1 2
COMMAND GETKEYSANDFLAGS bitfield k overflow sat get u8 1;COMMAND GETKEYSANDFLAGS copy a b
CONFIG;CONFIG foo;CONFIG GET;CONFIG GET maxmemory;CONFIG GET nothing
CONFIG SET;CONFIG SET maxmemory
CONFIG SET nothing 1;CONFIG SET maxmemory 0 hz;CONFIG SET maxmemory 0
CONFIG RESETSTAT;CONFIG RESETSTAT x;CONFIG REWRITE
TIME x;SHUTDOWN foo;SHUTDOWN ABORT;SHUTDOWN ABORT NOW;SHUTDOWN SAVE NOSAVE;SHUTDOWN NOSAVE ABORT
LOLWUT VERSION x;LOLWUT VERSION 5 x;LOLWUT VERSION 5 1 x;LOLWUT VERSION 6 1 x
SLOWLOG;SLOWLOG foo;SLOWLOG GET;SLOWLOG GET x;SLOWLOG GET -1;SLOWLOG GET -2;SLOWLOG GET 1 2
SLOWLOG LEN;SLOWLOG RESET
LATENCY;LATENCY foo;LATENCY LATEST;LATENCY LATEST x
LATENCY RESET;LATENCY RESET x y;LATENCY HISTORY x
LATENCY GRAPH;LATENCY GRAPH x;LATENCY GRAPH x y;LATENCY DOCTOR x;LATENCY HISTORY;LATENCY LATEST x
LATENCY HISTOGRAM nothing;MEMORY;MEMORY foo;MEMORY DOCTOR x;MEMORY STATS x;MEMORY MALLOC-STATS x
ACL;ACL foo;ACL WHOAMI;ACL CAT;ACL CAT foo;ACL CAT @read;ACL CAT a b
ACL USERS;ACL USERS x;ACL LIST x;ACL GETUSER;ACL GETUSER nobody;ACL GETUSER a b;ACL SETUSER
ACL DELUSER;ACL DELUSER default;ACL DELUSER a default;ACL LOG x;ACL LOG 1 2;ACL LOAD x
ACL GENPASS 0;ACL GENPASS -1;ACL GENPASS 4097;ACL GENPASS x;ACL GENPASS 1 2;ACL WHOAMI x
ACL DRYRUN;ACL DRYRUN default;ACL DRYRUN nobody get a;ACL DRYRUN default nosuch a
ACL DRYRUN default get;ACL DRYRUN default get a;ACL DRYRUN default config foo x
MODULE;MODULE LIST;MODULE foo;MODULE LIST x;MODULE LOAD;MODULE LOADEX;MODULE UNLOAD
MODULE UNLOAD a b
ROLE;ROLE x;WAIT;WAIT x y;WAIT 0 -1;WAIT 0 x;WAIT -1 0;WAIT 0 0
REPLICAOF;REPLICAOF NO ONE;SLAVEOF no one;REPLICAOF a x;REPLICAOF a 99999999;REPLICAOF a -1
FAILOVER;FAILOVER x;FAILOVER ABORT;FAILOVER TO a 1;FAILOVER TO a x;FAILOVER TO a;FAILOVER FORCE
FAILOVER TIMEOUT 1;FAILOVER TIMEOUT x;FAILOVER TIMEOUT 0;FAILOVER TIMEOUT -1;FAILOVER TIMEOUT
FAILOVER TO a 1 FORCE TIMEOUT 1;FAILOVER ABORT x;FAILOVER ABORT TIMEOUT 1;FAILOVER FORCE FORCE
FAILOVER TO a 1 TO b 2;FAILOVER TIMEOUT 1 TIMEOUT 2;failover timeout 5 to a 1 force
REPLCONF;REPLCONF a;REPLCONF foo bar;REPLCONF listening-port x;REPLCONF Listening-Port 1
REPLCONF capa foo capa eof;REPLCONF ip-address 1.2.3.4 foo bar;REPLCONF rdb-only 2
REPLCONF rdb-only x;REPLCONF rdb-only 0;REPLCONF rdb-filter-only foo
REPLCONF rdb-filter-only functions
SYNC x;PSYNC;PSYNC a
CLUSTER;CLUSTER foo;CLUSTER HELP;CLUSTER HELP x;CLUSTER INFO;CLUSTER INFO x;CLUSTER KEYSLOT
CLUSTER KEYSLOT a;CLUSTER SLOTS;CLUSTER NODES;CLUSTER MEET a;CLUSTER MEET 127.0.0.1 1
CLUSTER ADDSLOTS;CLUSTER ADDSLOTS x;CLUSTER RESET HARD;CLUSTER SETSLOT 1;CLUSTER FAILOVER x
READONLY;READONLY x;READWRITE;READWRITE x;ASKING;ASKING x
RESET
QUIT
`
  .split('\n')
  .filter((line) => line !== '');

const word = (...words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const soup = (maxLength: number, ...words: readonly string[]): fc.Arbitrary<string[]> =>
  fc.array(word(...words), { maxLength });
const command = (name: string, rest: fc.Arbitrary<string[]>): fc.Arbitrary<string[]> =>
  rest.map((words) => [...name.split(' '), ...words]);

const NUMBERS = [
  '0',
  '1',
  '-1',
  '2',
  '16',
  '01',
  '+1',
  '1.0',
  'x',
  '',
  '4294967296',
  '9'.repeat(19),
];
const KEYED = [
  'get,set,mset,msetnx,mget,append,getex,getdel,lcs,setrange,substr,bitop,bitfield,bitfield_ro',
  'bitcount,del,exists,rename,copy,object,memory,touch,ping,config,watch,expire,move,nothing',
].flatMap((names) => names.split(','));

/** Commands of random words; none of them may close, block or silence the connection. */
const RANDOM_COMMANDS = fc.oneof(
  command('HELLO', soup(6, '2', '3', '4', 'AUTH', 'default', 'nobody', 'SETNAME', 'me', 'a b')),
  command('AUTH', soup(4, 'default', 'nobody', 'x', '')),
  command('SELECT', soup(2, ...NUMBERS)),
  command(
    'CLIENT LIST',
    soup(4, 'TYPE', 'ID', 'master', 'replica', 'foo', '999999', '-5').map((words) => [
      'x',
      ...words,
    ]),
  ),
  command('CLIENT LIST ID', soup(3, '999999', '-5', 'x', '')),
  command('CLIENT LIST TYPE', soup(2, 'master', 'replica', 'foo', 'slave')),
  command(
    'CLIENT KILL ID 999999',
    fc
      .array(
        fc.tuple(
          word('ID', 'TYPE', 'USER', 'ADDR', 'LADDR', 'SKIPME', 'foo'),
          word('999998', '0', '-3', 'x', 'yes', 'NO', 'pubsub', 'slave', 'default', 'nobody'),
        ),
        { maxLength: 3 },
      )
      .map((pairs) => pairs.flat()),
  ),
  command('CLIENT', soup(3, 'PAUSE', 'UNBLOCK', 'GETNAME', 'SETNAME', 'NO-EVICT', 'x', '0', 'ON')),
  command(
    'COMMAND GETKEYS',
    fc
      .tuple(word(...KEYED), soup(5, 'a', 'b', 'GET', 'encoding'))
      .map(([name, rest]) => [name, ...rest, 'c']),
  ),
  command(
    'COMMAND GETKEYSANDFLAGS',
    fc
      .tuple(word(...KEYED), soup(6, 'a', 'b', 'GET', 'SET', 'usage', 'OVERFLOW'))
      .map(([name, rest]) => [name, ...rest, 'c']),
  ),
  command(
    'CLIENT TRACKING',
    fc
      .tuple(
        word('on', 'OFF', 'ON', 'x'),
        soup(
          5,
          'BCAST',
          'PREFIX',
          'OPTIN',
          'optout',
          'noloop',
          'REDIRECT',
          'a',
          'ab',
          'c',
          '99999',
        ),
      )
      .map(([first, rest]) => [first, ...rest]),
  ),
  command('CLIENT CACHING', soup(2, 'yes', 'NO', 'x')),
  command('CLIENT TRACKINGINFO', soup(1, 'x')),
  command('SLOWLOG', soup(3, 'GET', 'LEN', 'RESET', ...NUMBERS)),
  command('LATENCY', soup(3, 'LATEST', 'RESET', 'HISTORY', 'x')),
  command(
    'SHUTDOWN',
    soup(3, 'SAVE', 'NOSAVE', 'NOW', 'FORCE', 'ABORT', 'foo').map((words) => [...words, 'ABORT']),
  ),
);

/**
 * Since 7.2 HELLO reads all its options before it authenticates and names: errors come in another
 * order.
 */
function isHelloOrder(words: readonly string[]): boolean {
  return words[0] === 'HELLO' && words.length > 5;
}

/** Commands that are newer than Redis 7.0. */
const NEWER_MIN = [7, 1] as const;

/** Flags and categories that changed after Redis 7.0, or differ on purpose. */
const OTHER_FACTS: ReadonlyMap<string, string> = new Map([
  ...[
    'wait',
    'blpop',
    'brpop',
    'blmove',
    'brpoplpush',
    'blmpop',
    'bzpopmin',
    'bzpopmax',
    'bzmpop',
  ].map((name) => [name, 'no longer noscript since 7.2'] as const),
  ['command|getkeys', 'commands without arguments are allowed since 7.2'],
  ['command|getkeysandflags', 'commands without arguments are allowed since 7.2'],
  ['cluster|shards', 'answers while data are loaded since 7.2'],
  ['cluster|slots', 'answers while data are loaded since 7.2'],
  ['sinterstore', 'the destination is overwritten, not updated, since 7.2'],
  ['watch', 'no_multi keeps it out of transactions'],
  ['zrank', 'WITHSCORE since 7.2'],
  ['zrevrank', 'WITHSCORE since 7.2'],
]);

function isNewer(since: string): boolean {
  const [major = 0, minor = 0] = since.split('.').map(Number);
  return major > NEWER_MIN[0] || (major === NEWER_MIN[0] && minor >= NEWER_MIN[1]);
}

/** Tips have changed since 7.0. */
const OTHER_TIPS = new Set([
  ...['acl|deluser', 'acl|save', 'acl|setuser', 'client|setname', 'config|resetstat'],
  ...['config|rewrite', 'latency|reset', 'msetnx', 'randomkey', 'scan'],
]);

/**
 * A row of COMMAND INFO without what differs for good: the words of notes, sub-commands (asked for
 * by themselves), tips that have changed.
 */
function comparable(row: Decoded): unknown {
  const [name, arity, flags, first, last, step, categories, tips, keySpecs] = row as Decoded[];
  const specs = (keySpecs as Decoded[][]).map((spec) =>
    spec[0] === 'notes' ? ['notes', ...spec.slice(2)] : spec,
  );
  const comparableTips = OTHER_TIPS.has(String(name)) ? [] : [...(tips as string[])].sort();
  return { name, arity, flags, first, last, step, categories, specs, comparableTips };
}

/** Deprecated since versions after 7.0, though one says an earlier version. */
const LATER_DEPRECATED: ReadonlySet<string> = new Set(['setnx', 'setex', 'psetex', 'quit']);
/** What the documentation of 7.0 leaves out, or says otherwise than later ones. */
const OTHER_DOCS: ReadonlySet<string> = new Set([
  ...['georadius_ro', 'georadiusbymember', 'georadiusbymember_ro'],
  ...['client|pause', 'command|getkeys', 'command|getkeysandflags'],
]);
/** What 7.0 tells nothing about. */
const UNTOLD: ReadonlySet<string> = new Set(['monitor', 'lolwut', 'sync', 'psync']);

/**
 * A map of COMMAND DOCS without what is in words of one's own: summary, complexity, what changed in
 * a version, words between the names that replace a command.
 */
function comparableDocs(fullName: string, map: readonly Decoded[]): unknown {
  const docs: [string, unknown][] = [];
  for (let at = 0; at < map.length; at += 2) {
    const [field, value] = [String(map[at]), map[at + 1]!];
    if (LATER_DEPRECATED.has(fullName) && /^(doc_flags|.*_since|replaced_by)$/.test(field))
      continue;
    if (field === 'complexity' && UNTOLD.has(fullName)) continue;
    if (field === 'history') {
      const versions = (value as Decoded[][]).map(([version]) => String(version));
      const known = new Set(versions.filter((version) => !isNewer(version)));
      if (known.size > 0) docs.push([field, [...known]]);
    } else if (field === 'replaced_by') {
      docs.push([field, String(value).match(/`[^`]*`/g)]);
    } else if (/^(summary|complexity|arguments|subcommands)$/.test(field)) {
      docs.push([field, '']);
    } else {
      docs.push([field, value]);
    }
  }
  return docs;
}

describe.skipIf(redisServerPath() === null)('beside redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each(SAME_REPLIES)('%s', async (line) => {
    for (const protocol of [2, 3]) {
      const client = await RawClient.connect(server.port);
      await client.command(['HELLO', protocol]);
      const runner = new SessionRunner(ALL_COMMANDS);
      runner.session.protocol = protocol;
      for (const command of line.split(';')) {
        const words = command.split(' ');
        expect(runner.run(...words), command).toBe(await client.command(words));
      }
      client.close();
    }
  });

  test('commands of random words', async () => {
    const client = await RawClient.connect(server.port);
    await fc.assert(
      fc.asyncProperty(fc.array(RANDOM_COMMANDS, { maxLength: 8 }), async (commands) => {
        await client.command(['RESET']);
        const runner = new SessionRunner(ALL_COMMANDS);
        runner.session.id = Number((await client.command(['CLIENT', 'ID'])).slice(1));
        for (const words of commands) {
          if (isHelloOrder(words)) continue;
          const theirs = await client.command(words);
          const ours = runner.run(...words);
          expect(ours.replace(REDIS_VERSION, '?'), words.join(' ')).toBe(
            theirs.replace('7.0.15', '?').replace('$6\r\n?', '$5\r\n?'),
          );
        }
      }),
      { numRuns: 300 },
    );
    client.close();
  });

  const named = CommandIndex.of(ALL_COMMANDS).all.filter(
    ({ fullName, spec }) =>
      !isNewer(spec.since) && !fullName.startsWith('debug|') && !OTHER_FACTS.has(fullName),
  );

  test.each(named)('COMMAND INFO $fullName', async ({ fullName }) => {
    const words = ['COMMAND', 'INFO', fullName];
    const theirs = decodeReply(await server.command(words)) as Decoded[];
    const ours = decodeReply(new SessionRunner(ALL_COMMANDS).run(...words)) as Decoded[];
    expect(comparable(ours[0]!)).toEqual(comparable(theirs[0]!));
  });

  const documented = CommandIndex.of(ALL_COMMANDS).all.filter(
    ({ fullName, spec }) =>
      !isNewer(spec.since) && !fullName.startsWith('debug') && !OTHER_DOCS.has(fullName),
  );

  test.each(documented)('COMMAND DOCS $fullName', async ({ fullName }) => {
    const words = ['COMMAND', 'DOCS', fullName];
    const theirs = decodeReply(await server.command(words)) as Decoded[][];
    const ours = decodeReply(new SessionRunner(ALL_COMMANDS).run(...words)) as Decoded[][];
    expect(comparableDocs(fullName, ours[1]!)).toEqual(comparableDocs(fullName, theirs[1]!));
  });
});

/** redis-py as Debian packages it, unchanged. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../support/programs.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';

const PYTHON = '/usr/bin/python3';
const isInstalled = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import redis']).status === 0;
if (!isInstalled) console.warn('python3-redis is not installed: its tests are skipped');

let server: Tessera;

beforeAll(async () => {
  server = await startTessera(['--io-threads', '2']);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const PROLOGUE = `
import sys, redis
port = int(sys.argv[1])
def eq(a, b):
    assert a == b, '%r is not %r' % (a, b)
r = redis.Redis(port=port, decode_responses=True)
r.flushall()
`;

const SCRIPTS: readonly (readonly [name: string, script: string])[] = [
  [
    'strings',
    `
eq(r.set('a', 'b', ex=100, nx=True), True)
eq(r.set('a', 'b', nx=True), None)
eq(r.set('a', 'c', keepttl=True, get=True), 'b')
assert 90 < r.ttl('a') <= 100
eq(r.getex('a', persist=True), 'c')
eq(r.ttl('a'), -1)
eq(r.getdel('a'), 'c')
eq(r.incrbyfloat('f', 1.5), 1.5)
eq(r.mset({'x': 1, 'y': '2'}), True)
eq(r.mget('x', 'y', 'z'), ['1', '2', None])
eq(r.append('x', '23'), 3)
eq(r.setrange('x', 5, 'z'), 6)
eq(r.getrange('x', 0, 2), '123')
eq(r.object('encoding', 'y'), 'int')
raw = redis.Redis(port=port)
raw.set(b'\\x00\\xff', bytes(range(256)))
eq(raw.get(b'\\x00\\xff'), bytes(range(256)))
`,
  ],
  [
    'streams and consumer groups',
    `
eq(r.xadd('s', {'a': 1}, id='1-1'), '1-1')
eq(r.xadd('s', {'a': 2, 'b': 'x'}, id='1-*', maxlen=100), '1-2')
eq(r.xadd('s', {'a': 3}, id='2-0', minid='1', approximate=False), '2-0')
entries = [('1-1', {'a': '1'}), ('1-2', {'a': '2', 'b': 'x'}), ('2-0', {'a': '3'})]
eq(r.xlen('s'), 3)
eq(r.xrange('s'), entries)
eq(r.xrevrange('s', count=1), entries[2:])
eq(r.xread({'s': '1-1', 'none': '0'}, count=5), [['s', entries[1:]]])
eq(r.xread({'s': '$'}, block=1), [])
eq(r.xgroup_create('s', 'g', id='0'), True)
eq(r.xgroup_create('t', 'g', mkstream=True), True)
eq(r.xreadgroup('g', 'alice', {'s': '>'}, count=2), [['s', entries[:2]]])
eq(r.xpending('s', 'g'), {'pending': 2, 'min': '1-1', 'max': '1-2',
                          'consumers': [{'name': 'alice', 'pending': 2}]})
eq(r.xclaim('s', 'g', 'bob', 0, ['1-1']), entries[:1])
eq(r.xclaim('s', 'g', 'bob', 0, ['1-2'], justid=True), ['1-2'])
eq([(p['message_id'], p['consumer'], p['times_delivered'])
    for p in r.xpending_range('s', 'g', '-', '+', 10)], [('1-1', 'bob', 2), ('1-2', 'bob', 1)])
eq(r.xautoclaim('s', 'g', 'carol', 0, count=1)[1], entries[:1])
eq(r.xack('s', 'g', '1-1', '1-2'), 2)
info = r.xinfo_stream('s')
eq((info['length'], info['last-generated-id'], info['groups']), (3, '2-0', 1))
eq((info['first-entry'], info['last-entry']), (entries[0], entries[2]))
group = r.xinfo_groups('s')[0]
eq((group['name'], group['consumers'], group['pending'], group['lag']), ('g', 3, 0, 1))
eq([c['name'] for c in r.xinfo_consumers('s', 'g')], ['alice', 'bob', 'carol'])
full = r.xinfo_stream('s', full=True)
eq((dict(full['entries']), full['groups'][0]['last-delivered-id']), (dict(entries), '1-2'))
eq(r.xgroup_setid('s', 'g', '0'), True)
eq(r.xgroup_delconsumer('s', 'g', 'bob'), 0)
eq(r.xgroup_destroy('s', 'g'), 1)
eq(r.xdel('s', '1-1'), 1)
eq(r.xtrim('s', maxlen=1, approximate=False), 1)
raw = redis.Redis(port=port)
raw.xadd('raw', {b'\\x00\\xff': bytes(range(256))}, id='1-1')
eq(raw.xrange('raw'), [(b'1-1', {b'\\x00\\xff': bytes(range(256))})])
`,
  ],
  [
    'bitmaps and bit fields',
    `
eq(r.setbit('bits', 7, 1), 0)
eq(r.getbit('bits', 7), 1)
eq(r.bitcount('bits'), 1)
eq(r.bitpos('bits', 1), 7)
field = r.bitfield('field', default_overflow='SAT')
eq(field.set('u8', 0, 250).incrby('u8', 0, 10).get('i8', '#0').execute(), [0, 255, -1])
eq(r.bitop('NOT', 'inverse', 'bits'), 1)
`,
  ],
  [
    'pipelines, transactions and WATCH',
    `
p = r.pipeline(transaction=False)
for i in range(1000): p.incr('n')
eq(p.execute()[-1], 1000)
p = r.pipeline()
eq(p.set('a', 1).incr('a').get('a').execute(), [True, 2, '2'])
try:
    r.pipeline().set('s', 'x').incr('s').execute()
    raise SystemExit('no error')
except redis.ResponseError as e:
    assert 'not an integer' in str(e), e
other = redis.Redis(port=port)
with r.pipeline() as p:
    p.watch('a')
    other.set('a', 10)
    p.multi()
    p.incr('a')
    try:
        p.execute()
        raise SystemExit('no WatchError')
    except redis.WatchError:
        pass
def add(p):
    value = int(p.get('a'))
    p.multi()
    p.set('a', value + 1)
eq(r.transaction(add, 'a'), [True])
eq(r.get('a'), '11')
`,
  ],
  [
    'scans, expiry, databases',
    `
r.mset({'k:%d' % i: i for i in range(500)})
r.set('other', 1)
eq(len(set(r.scan_iter(match='k:*', count=40))), 500)
eq(sorted(r.keys('k:1?')), ['k:%d' % i for i in range(10, 20)])
eq(r.expire('k:1', 100, nx=True), True)
eq(r.expire('k:1', 100, nx=True), False)
eq(r.expiretime('k:2'), -1)
eq(r.rename('k:1', 'k:new'), True)
eq(r.copy('k:2', 'k:copy'), True)
eq(r.move('k:3', 5), True)
eq(redis.Redis(port=port, db=5, decode_responses=True).get('k:3'), '3')
eq(r.delete('k:4', 'k:5', 'nothing'), 2)
eq(r.dbsize(), 499)
assert r.randomkey() is not None
`,
  ],
  [
    'the server and its clients',
    `
info = r.info()
assert info['redis_version'].startswith('8.'), info['redis_version']
assert info['connected_clients'] >= 1
assert 'db0' not in info
r.set('a', 1)
eq(r.info('keyspace')['db0']['keys'], 1)
eq(r.client_setname('me'), True)
eq(r.client_getname(), 'me')
assert any(c['name'] == 'me' for c in r.client_list())
eq(r.config_get('maxmemory')['maxmemory'], '0')
eq(r.config_set('timeout', 0), True)
assert r.command_count() > 80
eq(r.command()['get']['arity'], 2)
assert isinstance(r.time()[0], int)
eq(r.ping(), True)
eq(r.echo('x'), 'x')
eq(r.memory_usage('nothing'), None)
lock = r.lock('lock', timeout=5)
try:
    lock.acquire(blocking=False)
except redis.ResponseError as e:
    raise SystemExit(str(e))
victim = redis.Redis(port=port)
number = victim.client_id()
eq(r.client_kill_filter(_id=number), 1)
eq(victim.ping(), True)
assert victim.client_id() != number
`,
  ],
  [
    'RESP3 where this version knows it',
    `
try:
    three = redis.Redis(port=port, protocol=3, decode_responses=True)
except TypeError:
    raise SystemExit(0)
three.set('a', 1)
eq(three.get('a'), '1')
eq(three.config_get('timeout'), {'timeout': '0'})
`,
  ],
];

describe.skipIf(!isInstalled)('redis-py', () => {
  test.each(SCRIPTS)('%s', async (_name, script) => {
    const ran = await run(PYTHON, ['-c', PROLOGUE + script, String(server.port)]);
    expect(ran.stderr).toBe('');
    expect(ran.code).toBe(0);
  });
});

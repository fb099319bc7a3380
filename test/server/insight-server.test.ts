/** SLOWLOG, LATENCY, HOTKEYS, BIGKEYS, INFO and CLIENT of whole servers, over all threads. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Decoded, decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

let server: Tessera;
let admin: RawClient;

beforeAll(async () => {
  const threads = ['--io-threads', '2', '--shard-threads', '2'];
  server = await startTessera([...threads, '--shards', '8', '--latency-monitor-threshold', '0']);
  admin = await server.connect();
});

afterAll(async () => {
  admin.close();
  expect(await server.stop()).toBe(0);
  expect(server.log()).not.toContain('BUG REPORT');
});

const ask = async (client: RawClient, line: string): Promise<Decoded> =>
  decodeReply(await client.command(line.split(' ')));

const ok = async (line: string): Promise<void> => {
  expect(await admin.command(line.split(' '))).toBe('+OK\r\n');
};

const field = async (name: string, section = 'everything'): Promise<string | undefined> =>
  new RegExp(`(?:^|\\n)${name}:([^\\r]*)`).exec(await admin.command(['INFO', section]))?.[1];

/** One entry of SLOWLOG GET. */
interface Entry {
  readonly micros: number;
  readonly words: string;
  readonly name: string;
}

async function slowLog(): Promise<Entry[]> {
  const reply = (await ask(admin, 'SLOWLOG GET -1')) as Decoded[][];
  return reply.map(([, , micros, words, , name]) => ({
    micros: Number(micros),
    words: (words as string[]).join(' '),
    name: String(name),
  }));
}

describe('SLOWLOG', () => {
  test('with a threshold of 0 every command is there once, of all threads', async () => {
    await ok('CONFIG SET slowlog-max-len 100000');
    const clients = await Promise.all(Array.from({ length: 6 }, () => server.connect()));
    await Promise.all(clients.map((client, i) => client.command(['CLIENT', 'SETNAME', `c${i}`])));
    await ok('CONFIG SET slowlog-log-slower-than 0');
    await ok('SLOWLOG RESET');
    const rounds = 40;
    await Promise.all(
      clients.map(async (client, i) => {
        for (let n = 0; n < rounds; n++) {
          // A lease, a command that is always routed, several shards, a transaction.
          await Promise.all([
            client.command(['SET', `k:${i}:${n}`, 'v']),
            client.command(['KEYS', `nothing:${i}:${n}`]),
            client.command(['MSET', `k:${i}:${n}`, '1', `l:${i}:${n}`, '2']),
            client.command(['MULTI']),
            client.command(['INCR', `n:${i}:${n}`]),
            client.command(['ECHO', `e:${i}:${n}`]),
            client.command(['EXEC']),
          ]);
        }
      }),
    );
    await ok('CONFIG SET slowlog-log-slower-than -1');
    const found = await slowLog();
    const counts = new Map<string, number>();
    for (const { words, name } of found) {
      counts.set(`${name} ${words}`, (counts.get(`${name} ${words}`) ?? 0) + 1);
    }
    for (let i = 0; i < clients.length; i++) {
      for (let n = 0; n < rounds; n++) {
        for (const words of [
          `SET k:${i}:${n} v`,
          `KEYS nothing:${i}:${n}`,
          `MSET k:${i}:${n} 1 l:${i}:${n} 2`,
          `INCR n:${i}:${n}`,
          `ECHO e:${i}:${n}`,
        ]) {
          expect([words, counts.get(`c${i} ${words}`)]).toEqual([words, 1]);
        }
      }
      expect(counts.get(`c${i} MULTI`)).toBe(rounds);
      expect(counts.has(`c${i} EXEC`)).toBe(false);
    }
    for (const client of clients) client.close();
  });

  test('a long command with its time; secrets are hidden', async () => {
    await ok('CONFIG SET slowlog-log-slower-than 20000');
    await ok('SLOWLOG RESET');
    await ok('SET quick 1');
    await ok('DEBUG SLEEP 0.05');
    const [entry, ...more] = await slowLog();
    expect([entry!.words, more]).toEqual(['DEBUG SLEEP 0.05', []]);
    expect(entry!.micros).toBeGreaterThanOrEqual(50_000);
    await ok('CONFIG SET slowlog-log-slower-than 0');
    await ok('CONFIG SET masterauth secret');
    await admin.command(['AUTH', 'some', 'secret']);
    await ok('CONFIG SET slowlog-log-slower-than -1');
    const words = (await slowLog()).map((one) => one.words);
    expect(words).toContain('CONFIG SET masterauth (redacted)');
    expect(words).toContain('AUTH (redacted) (redacted)');
    expect(words.join()).not.toContain('secret');
    expect(words).not.toContain('CONFIG SET slowlog-log-slower-than -1');
    await ok('SLOWLOG RESET');
    expect(await ask(admin, 'SLOWLOG LEN')).toBe(0);
  });

  test('a command that waited is there when it was served, without the wait', async () => {
    const waiting = await server.connect();
    await waiting.command(['CLIENT', 'SETNAME', 'waiting']);
    await ok('CONFIG SET slowlog-log-slower-than 0');
    const popped = waiting.command(['BLPOP', 'queue', '0']);
    await waitUntil('a blocked client', async () => (await field('blocked_clients')) === '1');
    expect((await slowLog()).some(({ words }) => words.startsWith('BLPOP'))).toBe(false);
    expect(await field('cmdstat_blpop')).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 60));
    await admin.command(['RPUSH', 'queue', 'x']);
    await popped;
    await ok('CONFIG SET slowlog-log-slower-than -1');
    const served = (await slowLog()).filter(({ words }) => words === 'BLPOP queue 0');
    expect(served.map(({ name }) => name)).toEqual(['waiting']);
    expect(served[0]!.micros).toBeLessThan(50_000);
    expect(await field('cmdstat_blpop')).toMatch(/^calls=1,.*,rejected_calls=0,failed_calls=0$/);
    waiting.close();
  });
});

test('LATENCY events of commands on all threads', async () => {
  await ok('CONFIG SET latency-monitor-threshold 20');
  await ask(admin, 'LATENCY RESET');
  await ok('DEBUG SLEEP 0.04');
  const latest = (await ask(admin, 'LATENCY LATEST')) as Decoded[][];
  expect(latest.map(([event]) => event)).toEqual(['command']);
  expect(Number(latest[0]![2])).toBeGreaterThanOrEqual(40);
  expect(String(await ask(admin, 'LATENCY GRAPH command'))).toContain('command - high');
  expect(String(await ask(admin, 'LATENCY DOCTOR'))).toContain('1. command: 1 spike');
  expect(await ask(admin, 'LATENCY RESET')).toBe(1);
  await ok('CONFIG SET latency-monitor-threshold 0');
});

test('commandstats and histograms: exact calls, DEBUG under one name, errors', async () => {
  await ok('CONFIG RESETSTAT');
  for (let i = 0; i < 100; i++) await admin.command(['SET', `s:${i}`, 'v']);
  await admin.command(['LPUSH', 's:1', 'x']);
  await admin.command(['GET']);
  await admin.command(['CONFIG', 'SET', 'maxmemory', 'what']);
  await ok('DEBUG SLEEP 0.03');
  expect(await field('cmdstat_set')).toMatch(/^calls=100,.*,rejected_calls=0,failed_calls=0$/);
  expect(await field('cmdstat_lpush')).toMatch(/^calls=1,.*,failed_calls=1$/);
  expect(await field('cmdstat_get')).toMatch(/^calls=0,usec=0,.*,rejected_calls=1,failed_calls=0$/);
  expect(await field('cmdstat_config\\|set')).toMatch(/^calls=1,.*,failed_calls=1$/);
  expect(await field('errorstat_ERR')).toBe('count=2');
  expect(await field('errorstat_WRONGTYPE')).toBe('count=1');
  expect(await field('total_error_replies')).toBe('3');
  const debug = Number(/p50=([\d.]+)/.exec((await field('latency_percentiles_usec_debug'))!)![1]);
  expect(debug).toBeGreaterThan(28_000);
  const histogram = (await ask(admin, 'LATENCY HISTOGRAM set')) as [string, Decoded[]];
  expect(histogram[1].slice(0, 2)).toEqual(['calls', 100]);
  const pairs = histogram[1][3] as number[];
  expect(pairs[pairs.length - 1]).toBe(100);
  await ok('CONFIG RESETSTAT');
  expect(await field('cmdstat_set')).toBeUndefined();
  expect(await field('total_error_replies')).toBe('0');
});

test('latency-tracking no: neither percentiles nor histograms', async () => {
  await ok('CONFIG SET latency-tracking no');
  await ok('CONFIG RESETSTAT');
  await ok('SET a b');
  expect(await field('latency_percentiles_usec_set')).toBeUndefined();
  expect(await ask(admin, 'LATENCY HISTOGRAM set')).toEqual([]);
  await ok('CONFIG SET latency-tracking yes');
  await ok('CONFIG SET latency-tracking-info-percentiles 50');
  await ok('SET a b');
  expect(await field('latency_percentiles_usec_set')).toMatch(/^p50=[\d.]+$/);
  await ok('CONFIG SET latency-tracking-info-percentiles 99');
});

test('HOTKEYS counts on all threads, and every command once', async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect()));
  await ok('HOTKEYS START METRICS 2 CPU NET COUNT 3');
  for (let n = 0; n < 30; n++) {
    await Promise.all(
      clients.map((client, i) =>
        client.command(['SET', n % 3 === 0 ? `cold:${i}:${n}` : 'hot', 'v']),
      ),
    );
  }
  // Of the same size on the wire: 4 clients, 20 rounds.
  const bytes = 80 * ('*3\r\n$3\r\nSET\r\n$3\r\nhot\r\n$1\r\nv\r\n'.length + '+OK\r\n'.length);
  await ok('HOTKEYS STOP');
  await ok('SET hot after');
  const [report] = (await ask(admin, 'HOTKEYS GET')) as [Decoded[]];
  const value = (name: string): Decoded => report[report.indexOf(name) + 1]!;
  expect(value('tracking-active')).toBe(0);
  const byBytes = value('by-net-bytes') as Decoded[];
  expect(byBytes.slice(0, 2)).toEqual(['hot', bytes]);
  expect(byBytes).toHaveLength(6);
  // Which key took most time is the machine's affair: a thread that is stopped in the middle of a
  // command has its wait counted. That there are three of them, longest first, is ours.
  const byTime = value('by-cpu-time-us') as Decoded[];
  const times = byTime.filter((_, i) => i % 2 === 1) as number[];
  expect(times).toHaveLength(3);
  expect(times).toEqual([...times].sort((a, b) => b - a));
  expect(Number(value('net-bytes-all-commands-all-slots'))).toBe(value('total-net-bytes'));
  await ok('HOTKEYS RESET');
  expect(await ask(admin, 'HOTKEYS GET')).toBeNull();
  for (const client of clients) client.close();
});

test('MEMORY BIGKEYS: the largest keys of every type, over all shards and databases', async () => {
  await ok('FLUSHALL');
  for (let n = 0; n < 300; n++) await admin.command(['SET', `small:${n}`, 'x']);
  await admin.command(['SET', 'big:string', 'x'.repeat(50_000)]);
  await admin.command(['RPUSH', 'big:list', ...Array.from({ length: 2000 }, (_, i) => `e${i}`)]);
  await admin.command(['SADD', 'set', 'a', 'b']);
  await admin.command(['HSET', 'hash', 'f', 'v']);
  await admin.command(['ZADD', 'zset', '1', 'm']);
  await ok('SELECT 5');
  await admin.command(['SADD', 'big:set', ...Array.from({ length: 900 }, (_, i) => `m${i}`)]);
  await ok('SELECT 0');
  const others = await Promise.all(Array.from({ length: 3 }, () => server.connect()));
  const replies = await Promise.all(
    [admin, ...others].map((client) => ask(client, 'MEMORY BIGKEYS COUNT 2')),
  );
  for (const reply of replies as Decoded[][]) {
    expect(reply.slice(0, 2)).toEqual(['keys', 306]);
    const types = reply[reply.indexOf('types') + 1] as Decoded[];
    const of = (type: string): Decoded[] => types[types.indexOf(type) + 1] as Decoded[];
    const largest = (type: string): Decoded[][] => of(type)[7] as Decoded[][];
    expect(of('string').slice(0, 2)).toEqual(['keys', 301]);
    expect(of('string')[5]).toBe(50_300);
    expect(largest('string')).toHaveLength(2);
    expect(largest('string')[0]!.slice(0, 4)).toEqual(['db', 0, 'key', 'big:string']);
    const list = largest('list')[0]!;
    expect([list[3], list[7]]).toEqual(['big:list', 2000]);
    expect(list[5]).toBeGreaterThan(4000);
    expect(largest('set').map((key) => [key[1], key[3], key[7]])).toEqual([
      [5, 'big:set', 900],
      [0, 'set', 2],
    ]);
    expect([of('hash')[1], of('zset')[1]]).toEqual([1, 1]);
  }
  await ok('MULTI');
  expect(await admin.command(['MEMORY', 'BIGKEYS'])).toContain('not allowed inside a transaction');
  await ask(admin, 'DISCARD');
  for (const client of others) client.close();
});

describe('CLIENT LIST', () => {
  const line = async (client: RawClient): Promise<Map<string, string>> => {
    const text = String(await ask(client, 'CLIENT INFO'));
    return new Map(
      text
        .trim()
        .split(' ')
        .map((pair) => pair.split(/=(.*)/s) as [string, string]),
    );
  };

  test('a client that asks is not shown as blocked', async () => {
    const list = String(await ask(admin, 'CLIENT LIST'));
    const id = await ask(admin, 'CLIENT ID');
    const own = list.split('\n').find((one) => one.startsWith(`id=${String(id)} `))!;
    expect(own).toContain(' flags=N ');
    expect(own).toContain(' obl=0 oll=0 omem=0 ');
    expect(own).toContain(' events=r ');
  });

  test('multi-mem, watch and multi', async () => {
    const client = await server.connect();
    await ask(client, 'WATCH a b a');
    expect((await line(client)).get('watch')).toBe('2');
    await ask(client, 'MULTI');
    await client.command(['SET', 'a', 'x'.repeat(1000)]);
    const list = String(await ask(admin, 'CLIENT LIST'));
    const queued = list.split('\n').find((one) => one.includes(' multi=1 '))!;
    expect(queued).toContain(' flags=x ');
    const memory = (name: string): number => Number(new RegExp(` ${name}=(\\d+)`).exec(queued)![1]);
    expect(memory('multi-mem')).toBeGreaterThanOrEqual(1000);
    expect(memory('tot-mem')).toBeGreaterThan(memory('multi-mem'));
    expect(await field('watching_clients')).toBe('1');
    expect(await field('total_watched_keys')).toBe('2');
    await ask(client, 'DISCARD');
    expect((await line(client)).get('watch')).toBe('0');
    expect(await field('watching_clients')).toBe('0');
    client.close();
  });

  test('a client that does not read has unsent replies', async () => {
    await admin.command(['SET', 'large', 'x'.repeat(1024 * 1024)]);
    const socket = createConnection(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET large\r\n'.repeat(30));
    await waitUntil('a backlog', async () => {
      const list = String(await ask(admin, 'CLIENT LIST'));
      return / oll=[1-9]\d* omem=\d{6,} .* events=r?w /.test(list);
    });
    await waitUntil('the gauge', async () => {
      return Number(await field('client_recent_max_output_buffer')) > 100_000;
    });
    socket.destroy();
  });
});

test('INFO: rates, turns and threads', async () => {
  await waitUntil('a rate', async () => {
    for (let i = 0; i < 50; i++) await ask(admin, 'PING');
    return Number(await field('instantaneous_ops_per_sec')) > 10;
  });
  expect(Number(await field('eventloop_cycles'))).toBeGreaterThan(10);
  expect(Number(await field('eventloop_duration_sum'))).toBeGreaterThan(0);
  expect(Number(await field('eventloop_duration_cmd_sum'))).toBeGreaterThan(0);
  expect(Number(await field('eventloop_duration_max', 'debug'))).toBeGreaterThan(0);
  expect(await field('eventloop_duration_max', 'everything')).toBeUndefined();
  const threads = await admin.command(['INFO', 'threads']);
  expect(threads).toMatch(/io_thread_0:clients=\d+,reads=\d+,writes=\d+\r\nio_thread_1:/);
  expect(Number(await field('used_memory_peak'))).toBeGreaterThanOrEqual(
    Number(await field('used_memory')),
  );
});

test('a slow disk leaves latency events of the append-only file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-insight-'));
  const path = join(directory, 'faults.json');
  writeFileSync(path, JSON.stringify({ blockMs: 15 }));
  const args = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const slow = await startTessera([...args, '--latency-monitor-threshold', '10'], {
    env: { TESSERA_DISK_FAULTS: path },
  });
  const client = await slow.connect();
  expect(await client.command(['SET', 'a', 'b'])).toBe('+OK\r\n');
  const latest = (await ask(client, 'LATENCY LATEST')) as Decoded[][];
  const events = new Map(latest.map(([event, , ms]) => [event, Number(ms)]));
  expect(events.get('aof-write')).toBeGreaterThanOrEqual(15);
  expect(events.get('aof-fsync-always')).toBeGreaterThanOrEqual(15);
  client.close();
  expect(await slow.stop()).toBe(0);
  rmSync(directory, { recursive: true });
});

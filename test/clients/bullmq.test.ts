/**
 * What BullMQ does with streams: its own QueueEvents and QueueEventsProducer, unchanged, on streams
 * that are fed as its scripts do. Its queues need EVAL, which is yet to come.
 */
import { QueueEvents, QueueEventsProducer } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const QUEUE = 'paint';
const EVENTS = `bull:${QUEUE}:events`;
const JOBS = 300;
const EVENTS_MAX = 100;

let server: Tessera;
let redis: Redis;

beforeAll(async () => {
  server = await startTessera(['--io-threads', '2', '--save', '']);
  redis = new Redis(server.port, '127.0.0.1');
});

beforeEach(async () => {
  await redis.flushall();
});

afterAll(async () => {
  await redis.quit();
  expect(await server.stop()).toBe(0);
});

const connection = () => ({ host: '127.0.0.1', port: server.port });

/** Adds an event as BullMQ's scripts do. */
const add = (event: string, ...fields: readonly string[]) =>
  redis.xadd(EVENTS, '*', 'event', event, ...fields);

type Seen = [event: string, jobId: string | undefined, more: unknown];

/** Notes all events of `queue` in `seen`. */
function note(queue: QueueEvents, seen: Seen[]): void {
  queue.on('added', ({ jobId, name }) => seen.push(['added', jobId, name]));
  queue.on('waiting', ({ jobId }) => seen.push(['waiting', jobId, undefined]));
  queue.on('active', ({ jobId, prev }) => seen.push(['active', jobId, prev]));
  queue.on('progress', ({ jobId, data }) => seen.push(['progress', jobId, data]));
  queue.on('delayed', ({ jobId, delay }) => seen.push(['delayed', jobId, delay]));
  queue.on('completed', ({ jobId, returnvalue }) => seen.push(['completed', jobId, returnvalue]));
  queue.on('failed', ({ jobId, failedReason }) => seen.push(['failed', jobId, failedReason]));
  queue.on('drained', () => seen.push(['drained', undefined, undefined]));
}

describe('BullMQ', () => {
  test('QueueEvents hears of events that come while it waits', async () => {
    const queue = new QueueEvents(QUEUE, { connection: connection(), lastEventId: '0-0' });
    const seen: Seen[] = [];
    note(queue, seen);
    await queue.waitUntilReady();
    await waitUntil('a reader that waits', async () =>
      (await redis.info('clients')).includes('blocked_clients:1\r\n'),
    );
    await add('added', 'jobId', '1', 'name', 'wall');
    await add('waiting', 'jobId', '1');
    await add('active', 'jobId', '1', 'prev', 'waiting');
    await add('progress', 'jobId', '1', 'data', '{"percent":50}');
    await add('delayed', 'jobId', '2', 'delay', '1000');
    await add('completed', 'jobId', '1', 'returnvalue', '"done"', 'prev', 'active');
    await add('failed', 'jobId', '3', 'failedReason', 'no paint', 'prev', 'active');
    await add('drained');
    await waitUntil('all events', () => seen.length === 8);
    expect(seen).toEqual([
      ['added', '1', 'wall'],
      ['waiting', '1', undefined],
      ['active', '1', 'waiting'],
      ['progress', '1', { percent: 50 }],
      ['delayed', '2', 1000],
      ['completed', '1', 'done'],
      ['failed', '3', 'no paint'],
      ['drained', undefined, undefined],
    ]);
    await queue.close();
  });

  test('several QueueEvents, the second from where the first began, and many events', async () => {
    const first = await add('waiting', 'jobId', 'first');
    const all = new QueueEvents(QUEUE, { connection: connection(), lastEventId: '0' });
    const rest = new QueueEvents(QUEUE, { connection: connection(), lastEventId: first! });
    const seen: [Seen[], Seen[]] = [[], []];
    note(all, seen[0]);
    note(rest, seen[1]);
    await Promise.all([all.waitUntilReady(), rest.waitUntilReady()]);
    const pipeline = redis.pipeline();
    for (let i = 0; i < JOBS; i++) pipeline.xadd(EVENTS, '*', 'event', 'waiting', 'jobId', `${i}`);
    await pipeline.exec();
    await waitUntil('all events', () => seen[0].length === JOBS + 1 && seen[1].length === JOBS);
    const jobs = Array.from({ length: JOBS }, (_, i) => String(i));
    expect(seen[1].map(([, jobId]) => jobId)).toEqual(jobs);
    expect(seen[0].map(([, jobId]) => jobId)).toEqual(['first', ...jobs]);
    await Promise.all([all.close(), rest.close()]);
  });

  test('QueueEventsProducer publishes, and keeps about as many events as asked for', async () => {
    const producer = new QueueEventsProducer(QUEUE, { connection: connection() });
    const queue = new QueueEvents(QUEUE, { connection: connection(), lastEventId: '0' });
    const heard: string[] = [];
    queue.on('painted' as never, ((args: { colour: string }) => heard.push(args.colour)) as never);
    await queue.waitUntilReady();
    for (let i = 0; i < JOBS; i++) {
      await producer.publishEvent({ eventName: 'painted', colour: `c${i}` }, EVENTS_MAX);
    }
    await waitUntil('all events', () => heard.length === JOBS);
    expect(heard).toEqual(Array.from({ length: JOBS }, (_, i) => `c${i}`));
    const length = await redis.xlen(EVENTS);
    expect(length).toBeGreaterThanOrEqual(EVENTS_MAX);
    expect(length).toBeLessThan(EVENTS_MAX + 100);
    await Promise.all([queue.close(), producer.close()]);
  });

  test('other commands on streams that its scripts use', async () => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < JOBS; i++) {
      pipeline.xadd(EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*', 'event', 'duplicated', 'jobId', `${i}`);
    }
    await pipeline.exec();
    // Whole nodes of a hundred entries go.
    expect(await redis.xlen(EVENTS)).toBe(EVENTS_MAX);
    expect(await redis.xtrim(EVENTS, 'MAXLEN', '~', EVENTS_MAX / 2)).toBe(0);
    expect(await redis.xtrim(EVENTS, 'MAXLEN', 10)).toBe(90);
    const entries = await redis.xrange(EVENTS, '-', '+', 'COUNT', 5);
    expect(entries.map(([, fields]) => fields[3])).toEqual(['290', '291', '292', '293', '294']);
    const read = await redis.xread('COUNT', 2, 'STREAMS', EVENTS, entries[1]![0]);
    expect(read![0]![1].map(([id]) => id)).toEqual([entries[2]![0], entries[3]![0]]);
    expect(await redis.xdel(EVENTS, ...entries.map(([id]) => id))).toBe(5);
    expect(await redis.xlen(EVENTS)).toBe(5);
  });
});

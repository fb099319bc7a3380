import { expect, test } from 'vitest';
import { hasProc, residentBytes } from '../support/process-memory.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, waitUntil } from '../support/tessera.ts';

const MIB = 1024 * 1024;
const COUNT = 36_000;
const BYTES = 2000;
const DATA_BYTES = COUNT * BYTES;
/** The heaps of JavaScript grow and shrink meanwhile, by some MiB. */
const GIVEN_BACK_MIN = DATA_BYTES / 2;
const EAGER = [
  ...['--active-defrag-ignore-bytes', '1mb'],
  ...['--active-defrag-cycle-min', '60', '--active-defrag-cycle-max', '75'],
];

async function field(client: RawClient, name: string): Promise<number> {
  const info = await client.command(['INFO', 'everything']);
  return Number(new RegExp(`^${name}:(.*)\r$`, 'm').exec(info)![1]);
}

/** Deletes three of four keys of DEBUG POPULATE. */
async function deleteMost(client: RawClient, count: number): Promise<void> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) if ((i * 7919) % 4 !== 0) names.push(`key:${i}`);
  for (let at = 0; at < names.length; at += 1000) {
    await client.command(['UNLINK', ...names.slice(at, at + 1000)]);
  }
}

function fill(client: RawClient, count: number, bytes: number): Promise<string> {
  return client.command(['DEBUG', 'POPULATE', String(count), 'key', String(bytes)]);
}

test('active defragmentation empties sparse slabs while clients write', async () => {
  const server = await startTessera(['--shards', '4', '--save', '', ...EAGER]);
  try {
    const client = await server.connect();
    const count = 40_000;
    await fill(client, count, 300);
    const members = Array.from({ length: 20_000 }, (_, i) => `member:${i}`);
    await client.command(['SADD', 'large', ...members]);
    await client.command(['RPUSH', 'list', ...members]);
    await client.command(['ZADD', 'sorted', ...members.flatMap((m, i) => [String(i % 50), m])]);
    await deleteMost(client, count);
    await client.command(['SREM', 'large', ...members.filter((_, i) => i % 4 !== 0)]);
    await client.command(['ZREM', 'sorted', ...members.filter((_, i) => i % 4 !== 0)]);
    await waitUntil('the end of freeing', async () => {
      return (await field(client, 'lazyfree_pending_objects')) === 0;
    });
    const digest = await client.command(['DEBUG', 'DIGEST']);
    expect(await field(client, 'allocator_frag_ratio')).toBeGreaterThan(1.5);
    expect(await field(client, 'active_defrag_hits')).toBe(0);
    await client.command(['CONFIG', 'SET', 'activedefrag', 'yes']);
    let writes = 0;
    await waitUntil('the end of defragmentation', async () => {
      // Others go on meanwhile, in another database.
      await client.command(['SELECT', '1']);
      await client.command(['SET', `other:${writes % 100}`, String(writes)]);
      await client.command(['SELECT', '0']);
      writes += 1;
      return (
        (await field(client, 'total_active_defrag_time')) > 0 &&
        (await field(client, 'active_defrag_running')) === 0
      );
    });
    expect(await field(client, 'allocator_frag_ratio')).toBeLessThan(1.3);
    expect(await field(client, 'active_defrag_hits')).toBeGreaterThan(1000);
    expect(await field(client, 'active_defrag_key_hits')).toBeGreaterThan(1000);
    await client.command(['SELECT', '1']);
    await client.command(['FLUSHDB']);
    await client.command(['SELECT', '0']);
    expect(await client.command(['DEBUG', 'DIGEST'])).toBe(digest);
    await client.command(['CONFIG', 'SET', 'activedefrag', 'no']);
    client.close();
  } finally {
    await server.stop();
  }
});

test.skipIf(!hasProc)(
  'memory that is free goes back: after a while, by PURGE at once',
  async () => {
    const server = await startTessera(['--shards', '2', '--save', '']);
    try {
      const client = await server.connect();
      await fill(client, COUNT, BYTES);
      const full = residentBytes(server.pid);
      expect(await field(client, 'allocator_resident')).toBeGreaterThan(DATA_BYTES);
      await client.command(['FLUSHALL']);
      await waitUntil(
        'fewer resident bytes',
        () => residentBytes(server.pid) < full - GIVEN_BACK_MIN,
      );
      await waitUntil('the same in INFO', async () => {
        return (await field(client, 'allocator_resident')) < 8 * MIB;
      });
      await fill(client, COUNT, BYTES);
      const refilled = residentBytes(server.pid);
      expect(await client.command(['STRLEN', `key:${COUNT - 1}`])).toBe(`:${BYTES}\r\n`);
      await client.command(['FLUSHALL']);
      await waitUntil('the end of freeing', async () => {
        return (await field(client, 'lazyfree_pending_objects')) === 0;
      });
      expect(await client.command(['MEMORY', 'PURGE'])).toBe('+OK\r\n');
      expect(residentBytes(server.pid)).toBeLessThan(refilled - GIVEN_BACK_MIN);
      client.close();
    } finally {
      await server.stop();
    }
  },
);

/** What others see of a worker that is at long commands, one after the other. */
import { expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera } from '../support/tessera.ts';

const MEMBERS = 200_000;
const MEMBERS_PER_COMMAND = 20_000;
const COPIES = 12;
/** Keys enough to be in every shard, also in those that are copied from and to. */
const KEYS = 64;
/** Far fewer than there are, far more than would be if each waited for a copy. */
const READS_PER_COPY_MIN = 10;
/** Copies that may end while a read is on its way: replies come in as this process gets to them. */
const COPIES_PASSED_MAX = 3;

async function fillSet(client: RawClient, key: string): Promise<void> {
  for (let from = 0; from < MEMBERS; from += MEMBERS_PER_COMMAND) {
    const members = Array.from({ length: MEMBERS_PER_COMMAND }, (_, i) => `member:${from + i}`);
    await client.command(['SADD', key, ...members]);
  }
}

test('reads do not wait for the long commands that are queued', async () => {
  const server = await startTessera(['--save', '', '--shards', '8', '--shard-threads', '1']);
  try {
    const [writer, reader] = await Promise.all([server.connect(), server.connect()]);
    await fillSet(writer, 'large');
    for (let i = 0; i < KEYS; i++) await writer.command(['SET', `key:${i}`, String(i)]);
    let copied = 0;
    const copies = Array.from({ length: COPIES }, async () => {
      expect(await writer.command(['COPY', 'large', 'copy', 'REPLACE'])).toBe(':1\r\n');
      copied += 1;
    });
    let passedMost = 0;
    let reads = 0;
    for (let i = 0; copied < COPIES; i = (i + 1) % KEYS) {
      const before = copied;
      const value = `$${String(i).length}\r\n${i}\r\n`;
      if (reads % 2 === 0) expect(await reader.command(['GET', `key:${i}`])).toBe(value);
      else {
        const reply = await reader.command(['MGET', `key:${i}`, 'large', 'none']);
        expect(reply).toBe(`*3\r\n${value}$-1\r\n$-1\r\n`);
      }
      reads += 1;
      passedMost = Math.max(passedMost, copied - before);
    }
    await Promise.all(copies);
    expect(reads).toBeGreaterThan(COPIES * READS_PER_COPY_MIN);
    expect(passedMost).toBeLessThanOrEqual(COPIES_PASSED_MAX);
    const info = await reader.command(['INFO', 'stats']);
    expect(Number(/joined_read_commands:(\d+)/.exec(info)![1])).toBeGreaterThan(0);
    for (const client of [writer, reader]) client.close();
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

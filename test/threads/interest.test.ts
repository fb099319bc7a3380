/** Keys that nobody watches or waits for keep the lease path, however many others there are. */
import { expect, test } from 'vitest';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { startTessera, waitUntil } from '../support/tessera.ts';

const KEYS = 3000;
const COMMANDS = 4000;
/** A worker that looks after a shard at that moment has a command routed. */
const ROUTED_SHARE_MAX = 0.02;

async function counters(client: RawClient): Promise<{ leased: number; sent: number }> {
  const info = await client.command(['INFO', 'stats']);
  const of = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(info)![1]);
  return { leased: of('lease_commands'), sent: of('routed_commands') + of('escalated_commands') };
}

test('thousands of keys that are waited for and watched do not slow the others', async () => {
  const server = await startTessera(['--shards', '4']);
  try {
    const [waiting, watching, client] = await Promise.all([1, 2, 3].map(() => server.connect()));
    const names = (prefix: string): string[] =>
      Array.from({ length: KEYS }, (_, i) => `${prefix}${i}`);
    waiting!.send(encodeCommand(['BLPOP', ...names('b'), '0']));
    expect(await watching!.command(['WATCH', ...names('w')])).toBe('+OK\r\n');
    await waitUntil('a blocked client', async () => {
      const info = await client!.command(['INFO', 'clients']);
      return info.includes(`total_blocking_keys:${KEYS}\r\n`) && info.includes('watched_keys:');
    });
    const before = await counters(client!);
    for (let i = 0; i < COMMANDS; i += 2) {
      client!.send(
        Buffer.concat([encodeCommand(['SET', `x${i}`, i]), encodeCommand(['GET', `x${i}`])]),
      );
      expect(await client!.readReply()).toBe('+OK\r\n');
      expect(await client!.readReply()).toBe(`$${String(i).length}\r\n${i}\r\n`);
    }
    const after = await counters(client!);
    expect(after.sent - before.sent).toBeLessThan(COMMANDS * ROUTED_SHARE_MAX);
    expect(after.leased - before.leased).toBeGreaterThan(COMMANDS * (1 - ROUTED_SHARE_MAX));
    // They are still watched and waited for.
    await client!.command(['RPUSH', 'b1234', 'v']);
    expect(await waiting!.readReply()).toBe('*2\r\n$5\r\nb1234\r\n$1\r\nv\r\n');
    await client!.command(['SET', 'w2999', 'v']);
    await watching!.command(['MULTI']);
    expect(await watching!.command(['EXEC'])).toBe('*-1\r\n');
    for (const one of [waiting!, watching!, client!]) one.close();
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

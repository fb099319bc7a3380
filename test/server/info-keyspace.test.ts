import { expect, test } from 'vitest';
import { startTessera } from '../support/tessera.ts';

test('keys, keys that expire, and hashes with fields that expire', async () => {
  const server = await startTessera(['--shards', '4']);
  try {
    const client = await server.connect();
    for (let i = 0; i < 20; i++) await client.command(['HSET', `h${i}`, 'f', 'v', 'g', 'v']);
    for (let i = 0; i < 7; i++) {
      await client.command(['HEXPIRE', `h${i}`, '1000', 'FIELDS', '1', 'f']);
    }
    await client.command(['EXPIRE', 'h19', '1000']);
    const info = await client.command(['INFO', 'keyspace']);
    expect(info).toMatch(/db0:keys=20,expires=1,avg_ttl=\d+,subexpiry=7\r\n/);
    client.close();
  } finally {
    await server.stop();
  }
});

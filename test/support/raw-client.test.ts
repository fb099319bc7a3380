import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawClient, replyLength } from './raw-client.ts';
import { type RedisServer, redisServerPath, startRedis } from './redis-server.ts';

const WHOLE = [
  '+OK\r\n',
  '-ERR a\rb\r\n',
  ':-1\r\n',
  '$-1\r\n',
  '$0\r\n\r\n',
  '$4\r\na\r\nb\r\n',
  '*-1\r\n',
  '*0\r\n',
  '*2\r\n*1\r\n:1\r\n$1\r\na\r\n',
  '%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n',
  '|1\r\n+ttl\r\n:3\r\n*1\r\n_\r\n',
  '>2\r\n+a\r\n#t\r\n',
  '=7\r\ntxt:abc\r\n',
  '!3\r\nERR\r\n',
  ',1.5\r\n',
  '(12345678901234567890\r\n',
];

describe('replyLength', () => {
  test.each(WHOLE)('%j', (text) => {
    const buf = Buffer.from(`x${text}+next\r\n`, 'latin1');
    expect(replyLength(buf, 1)).toBe(text.length);
    for (let cut = 1; cut <= text.length; cut++) {
      expect(replyLength(buf.subarray(0, cut), 1)).toBe(-1);
    }
  });

  test('throws on what is no reply', () => {
    expect(() => replyLength(Buffer.from('hello\r\n'), 0)).toThrow('not a reply');
  });
});

describe.skipIf(redisServerPath() === null)('RawClient on redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test('commands, raw bytes, close', async () => {
    expect(await server.command(['SET', 'k', Uint8Array.of(0xff, 0)])).toBe('+OK\r\n');
    expect(await server.command(['GET', 'k'])).toBe('$2\r\n\xff\0\r\n');
    const client = await RawClient.connect(server.port);
    client.send('PING\r\nPING x\r\n');
    expect(await Promise.all([client.readReply(), client.readReply()])).toEqual([
      '+PONG\r\n',
      '$1\r\nx\r\n',
    ]);
    client.send('QUIT\r\n');
    expect(await client.readUntilClose()).toBe('+OK\r\n');
    await expect(client.readReply()).rejects.toThrow('closed');
  });
});

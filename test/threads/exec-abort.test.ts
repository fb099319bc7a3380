/** An EXEC that a worker finds aborted: none of its session commands has done anything. */
import { expect, test } from 'vitest';
import { startTessera } from '../support/tessera.ts';

test.each([
  ['auto', 'no'],
  ['auto', 'yes'],
  ['node-net', 'no'],
])('%s, lease %s: SUBSCRIBE, UNSUBSCRIBE and SELECT', async (transport, lease) => {
  const server = await startTessera(['--transport', transport, '--lease', lease]);
  try {
    const [client, other] = [await server.connect(), await server.connect()];
    const run = async (commands: readonly (readonly string[])[]): Promise<string> => {
      let reply = '';
      for (const words of commands) reply = await client.command(words);
      return reply;
    };
    await run([
      ['HELLO', '3'],
      ['SUBSCRIBE', 'kept'],
      ['PSUBSCRIBE', 'p*'],
    ]);
    await run([['WATCH', 'k'], ['MULTI'], ['SUBSCRIBE', 'new'], ['UNSUBSCRIBE', 'kept']]);
    await run([['SSUBSCRIBE', 'shard'], ['PUNSUBSCRIBE'], ['SELECT', '3'], ['INCR', 'k']]);
    await other.command(['SET', 'k', '1']);
    expect(await client.command(['EXEC'])).toBe('_\r\n');
    expect(await other.command(['PUBSUB', 'NUMSUB', 'new', 'kept'])).toBe(
      '*4\r\n$3\r\nnew\r\n:0\r\n$4\r\nkept\r\n:1\r\n',
    );
    expect(await other.command(['PUBSUB', 'NUMPAT'])).toBe(':1\r\n');
    expect(await client.command(['GET', 'k'])).toBe('$1\r\n1\r\n');
    expect(await other.command(['PUBLISH', 'kept', 'm'])).toBe(':1\r\n');
    expect(await client.readReply()).toBe('>3\r\n$7\r\nmessage\r\n$4\r\nkept\r\n$1\r\nm\r\n');
    // One that does not abort does all of it.
    await run([['WATCH', 'k'], ['MULTI'], ['SUBSCRIBE', 'new'], ['UNSUBSCRIBE', 'kept']]);
    expect(await run([['SELECT', '3'], ['INCR', 'k'], ['EXEC']])).toMatch(/^\*4\r\n>3\r\n/);
    expect(await other.command(['PUBSUB', 'NUMSUB', 'new', 'kept'])).toBe(
      '*4\r\n$3\r\nnew\r\n:1\r\n$4\r\nkept\r\n:0\r\n',
    );
    expect(await client.command(['GET', 'k'])).toBe('$1\r\n1\r\n');
    expect(await other.command(['GET', 'k'])).toBe('$1\r\n1\r\n');
    for (const one of [client, other]) one.close();
  } finally {
    expect(await server.stop()).toBe(0);
  }
});

/**
 * What is answered on an I/O thread itself (errors, sessions, aborted transactions) while commands
 * of the same connection are on their way to shard workers, and what a transaction does on a
 * worker.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeCommand } from '../support/raw-client.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';

let server: Tessera;

beforeAll(async () => {
  server = await startTessera(['--shards', '4', '--lease', 'yes']);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** Sends all commands at once; their replies. */
async function pipeline(...commands: readonly (readonly string[])[]): Promise<string[]> {
  const client = await server.connect();
  client.send(Buffer.concat(commands.map((words) => encodeCommand(words))));
  const replies: string[] = [];
  for (let i = 0; i < commands.length; i++) replies.push(await client.readReply());
  client.close();
  return replies;
}

const KEYS = ['KEYS', 'no-such-key*'] as const;

test('an unknown command waits for the replies before it', async () => {
  const replies = await pipeline(KEYS, ['NOSUCH'], ['CLIENT', 'NOSUCH'], ['PING']);
  expect(replies[0]).toBe('*0\r\n');
  expect(replies[1]).toMatch(/^-ERR unknown command 'NOSUCH'/);
  expect(replies[2]).toMatch(/^-ERR unknown subcommand 'NOSUCH'/);
  expect(replies[3]).toBe('+PONG\r\n');
});

test('a protocol error waits for the replies before it', async () => {
  const client = await server.connect();
  client.send(Buffer.concat([encodeCommand(KEYS), Buffer.from('*1\r\nnonsense\r\n')]));
  const all = await client.readUntilClose();
  expect(all).toBe("*0\r\n-ERR Protocol error: expected '$', got 'n'\r\n");
});

test('CLIENT REPLY SKIP leaves out the reply of a command that asks other threads', async () => {
  const client = await server.connect();
  await client.command(['CLIENT', 'ID']);
  client.send(encodeCommand(['CLIENT', 'REPLY', 'SKIP']));
  client.send(encodeCommand(['CONFIG', 'SET', 'timeout', '0']));
  expect(await client.command(['PING'])).toBe('+PONG\r\n');
  client.close();
});

test('UNWATCH in the queue of a transaction with slow commands', async () => {
  const replies = await pipeline(
    ['WATCH', 'u1'],
    ['MULTI'],
    ['UNWATCH'],
    KEYS,
    ['SET', 'u2', 'v'],
    ['EXEC'],
    ['GET', 'u2'],
  );
  expect(replies.slice(-2)).toEqual(['*3\r\n+OK\r\n*0\r\n+OK\r\n', '$1\r\nv\r\n']);
});

test('a transaction that aborts on a worker selects no database', async () => {
  const client = await server.connect();
  await client.command(['WATCH', 's1']);
  const other = await server.connect();
  await other.command(['SET', 's1', 'changed']);
  await client.command(['MULTI']);
  await client.command(['SELECT', '3']);
  await client.command(KEYS);
  expect(await client.command(['EXEC'])).toBe('*-1\r\n');
  expect(await client.command(['GET', 's1'])).toBe('$7\r\nchanged\r\n');
  client.close();
  other.close();
});

test('a transaction that runs on a worker selects its database', async () => {
  const replies = await pipeline(
    ['WATCH', 's2'],
    ['MULTI'],
    ['SELECT', '3'],
    KEYS,
    ['SET', 's3', 'v'],
    ['EXEC'],
    ['GET', 's3'],
  );
  expect(replies.slice(-2)).toEqual(['*3\r\n+OK\r\n*0\r\n+OK\r\n', '$1\r\nv\r\n']);
});

test('slow commands without keys run in a transaction', async () => {
  const replies = await pipeline(['MULTI'], ['DEBUG', 'SLEEP', '0.001'], ['EXEC'], ['PING']);
  expect(replies.slice(2)).toEqual(['*1\r\n+OK\r\n', '+PONG\r\n']);
});

test('DEBUG needs enable-debug-command in transactions and for single keys, too', async () => {
  const strict = await startTessera(['--enable-debug-command', 'no']);
  const client = await strict.connect();
  expect(await client.command(['SET', 'k', 'v'])).toBe('+OK\r\n');
  expect(await client.command(['DEBUG', 'OBJECT', 'k'])).toMatch(/^-ERR DEBUG command not allowed/);
  await client.command(['MULTI']);
  expect(await client.command(['DEBUG', 'OBJECT', 'k'])).toMatch(/^-ERR DEBUG command not allowed/);
  expect(await client.command(['EXEC'])).toMatch(/^-EXECABORT/);
  client.close();
  expect(await strict.stop()).toBe(0);
});

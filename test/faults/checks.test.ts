/** The fault tests find what they look for: damage of every kind is seen, and nothing else. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import type { Argument } from '../support/local-runner.ts';
import { Random } from '../support/random.ts';
import { FaultServer } from './fault-server.ts';
import { keyOf } from './model.ts';
import { lengthsOf } from './power-cut.ts';
import { acknowledged, Writers } from './writers.ts';

const SEED = 1;
const ROUNDS = 2000;

let directory: string;
let server: FaultServer;
let writers: Writers;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-checks-'));
  server = await FaultServer.start({ kind: 'tessera', directory, args: [] });
  writers = new Writers(4);
});

afterAll(async () => {
  await server.kill9();
  rmSync(directory, { recursive: true, force: true });
});

/** Lets the writers do some thousand operations. */
async function writeMore(): Promise<void> {
  const until = writers.acknowledged + ROUNDS;
  await writers.run(server, new Random(SEED), () => writers.acknowledged >= until);
}

function check(): Promise<void> {
  return writers.check(server, (_, ops) => acknowledged(ops));
}

async function run(...commands: readonly (readonly Argument[])[]): Promise<void> {
  for (const words of commands) {
    const reply = await server.command(...words);
    if (reply.startsWith('-')) throw new Error(reply);
  }
}

test('what was written is there', async () => {
  await writeMore();
  await check();
  await writeMore();
  await check();
});

test.each<[string, readonly Argument[], readonly Argument[], RegExp]>([
  ['a lost INCR', ['DECR', 'w0:incr'], ['INCR', 'w0:incr'], /writer 0: .*incr/],
  ['one INCR too many', ['INCR', 'w1:incr'], ['DECR', 'w1:incr'], /writer 1: .*incr/],
  ['a lost element', ['RPUSH', 'w2:list', 'x'], ['RPOP', 'w2:list'], /writer 2: .*list/],
  ['a lost field', ['HSET', 'w0:hash', 'x', '1'], ['HDEL', 'w0:hash', 'x'], /hash/],
  ['a member that is back', ['SADD', 'w3:pool', 'x'], ['SREM', 'w3:pool', 'x'], /pool/],
  ['a torn transfer', ['INCR', 'account:3'], ['DECR', 'account:3'], /torn: account:3/],
  ['a torn counter', ['INCR', 'shared'], ['DECR', 'shared'], /torn: shared/],
  ['another score', ['ZADD', 'w1:zset', '1', 'x'], ['ZREM', 'w1:zset', 'x'], /zset/],
])('%s is seen', async (_name, damage, repair, message) => {
  await run(damage);
  await expect(check()).rejects.toThrow(message);
  await run(repair);
  await check();
});

test('a torn MSET is seen', async () => {
  const name = keyOf(2, 'm4');
  const value = decodeReply(await server.command('GET', name)) as string;
  await run(['SET', name, '1']);
  await expect(check()).rejects.toThrow(/writer 2: .*m4/);
  await run(['SET', name, value]);
  await check();
});

test('a TTL that began again is seen', async () => {
  const name = keyOf(1, 'ttl');
  const deadline = decodeReply(await server.command('PEXPIRETIME', name)) as number;
  await run(['PEXPIREAT', name, deadline + 1]);
  await expect(check()).rejects.toThrow(/writer 1: .*deadline/);
  await run(['PEXPIREAT', name, deadline]);
  await check();
});

test('a writer that is behind the others is seen', async () => {
  const names = decodeReply(await server.command('KEYS', 'w3:*')) as readonly string[];
  const payloads = new Map<string, Uint8Array>();
  for (const name of names) {
    const reply = await server.command('DUMP', name);
    payloads.set(name, Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1'));
  }
  const deadline = decodeReply(await server.command('PEXPIRETIME', 'w3:ttl')) as number;
  await writeMore();
  const added = decodeReply(await server.command('KEYS', 'w3:*')) as readonly string[];
  await run(['DEL', ...added]);
  for (const [name, payload] of payloads) await run(['RESTORE', name, '0', payload]);
  await run(['PEXPIREAT', 'w3:ttl', deadline]);
  await expect(writers.check(server, () => 0)).rejects.toThrow(
    /is there, but not what came before/,
  );
});

test('a trace tells what was synced', () => {
  const trace = [
    '7 write(8</d/log>, ""..., 100) = 100',
    '7 fdatasync(8</d/log> <unfinished ...>',
    '9 pwrite64(8</d/log>, ""..., 50, 1100 <unfinished ...>',
    '9 <... pwrite64 resumed>) = 50',
    '7 <... fdatasync resumed>) = 0',
    '9 fsync(8</d/log>) = -1 EIO (Input/output error)',
    '9 writev(8</d/log>, [{iov_base=""..., iov_len=20}, {iov_base=""..., iov_len=5}], 2) = 25',
    '7 +++ killed by SIGKILL +++',
  ].join('\n');
  expect(lengthsOf(trace, 1000)).toEqual({ written: 1175, synced: 1100 });
  expect(lengthsOf('8474  write(8</d/log>, ""..., 25) = 25\n', 1000)).toEqual({
    written: 1025,
    synced: 1000,
  });
  expect(lengthsOf('7 ftruncate(8</d/log>, 400) = 0\n', 1000)).toEqual({
    written: 400,
    synced: 400,
  });
});

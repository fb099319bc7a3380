/**
 * Replies come in request order, and a connection's commands take effect in the order sent, however
 * they travel.
 */
import { describe, expect, test } from 'vitest';
import { Random, withRandom } from '../support/random.ts';
import { encodeCommand } from '../support/raw-client.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';
import { inOrder, SequentialModel, type Words } from './sequential-model.ts';
import { TOPOLOGIES } from './topologies.ts';

const CLIENTS = 4;
const COMMANDS = 600;

/** One connection sends everything without waiting, cut anywhere, and compares each reply. */
async function runPipeline(server: Tessera, name: string, random: Random): Promise<void> {
  const client = await server.connect();
  const model = new SequentialModel(`${name}:`, await client.command(['CLIENT', 'ID']));
  const commands: Words[] = Array.from({ length: COMMANDS });
  const expected: string[] = [];
  for (let i = 0; i < COMMANDS; i++) {
    commands[i] = model.randomCommand(random);
    expected.push(model.run(commands[i]!));
  }
  const bytes = Buffer.concat(commands.map((words) => encodeCommand(words)));
  const sent = (async () => {
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random.below(random.oneIn(3) ? 40 : 20_000);
      client.send(bytes.subarray(at, end));
      at = end;
      if (random.oneIn(4)) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  let inQueue = false;
  for (let i = 0; i < COMMANDS; i++) {
    const words = commands[i]!;
    const reply = await client.readReply();
    expect([i, words, inQueue ? reply : inOrder(words, reply)]).toEqual([i, words, expected[i]]);
    if (words[0] === 'MULTI') inQueue = true;
    else if (words[0] === 'EXEC' || words[0] === 'DISCARD') inQueue = false;
  }
  await sent;
  expect(client.unread).toBe('');
  // A protocol error, too, waits for what was asked before.
  if (inQueue) await client.command(['DISCARD']);
  client.send(encodeCommand(['KEYS', 'nothing']));
  client.send(encodeCommand(['DEBUG', 'SLEEP', '0.005']));
  client.send('*1\r\nPING\r\n');
  const last = await client.readUntilClose();
  expect(last).toBe("*0\r\n+OK\r\n-ERR Protocol error: expected '$', got 'P'\r\n");
}

describe.each(TOPOLOGIES)('%s', (_name, args) => {
  test('deep pipelines of mixed commands equal a sequential model', async () => {
    const server = await startTessera(args);
    try {
      await withRandom(async (random) => {
        const own = Array.from({ length: CLIENTS }, () => new Random(random.next()));
        await Promise.all(own.map((one, i) => runPipeline(server, `c${i}`, one)));
      });
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});

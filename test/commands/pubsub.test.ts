import { describe, expect, test } from 'vitest';
import { PUBSUB_COMMANDS } from '../../src/commands/pubsub.ts';
import {
  KIND_CHANNEL,
  KIND_PATTERN,
  KIND_SHARD_CHANNEL,
} from '../../src/commands/subscriptions.ts';
import type { Part } from '../../src/server/post.ts';
import { SessionRunner } from '../support/fake-server.ts';
import { LocalRunner } from '../support/local-runner.ts';

/** Commands run one after the other on one connection; the reply is that of the last. */
type Row = [commands: string, resp2: string, resp3?: string];

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/** A confirmation in RESP2, and in RESP3. */
const told = (what: string, name: string | null, count: number): [string, string] => {
  const body = (nothing: string): string =>
    `${bulk(what)}${name === null ? nothing : bulk(name)}:${count}\r\n`;
  return [`*3\r\n${body('$-1\r\n')}`, `>3\r\n${body('_\r\n')}`];
};

const joined = (...parts: readonly [string, string][]): [string, string] => [
  parts.map(([resp2]) => resp2).join(''),
  parts.map(([, resp3]) => resp3).join(''),
];

const TABLE: readonly Row[] = [
  ['SUBSCRIBE a', ...told('subscribe', 'a', 1)],
  ['SUBSCRIBE a a', ...joined(told('subscribe', 'a', 1), told('subscribe', 'a', 1))],
  ['SUBSCRIBE a; SUBSCRIBE a b', ...joined(told('subscribe', 'a', 1), told('subscribe', 'b', 2))],
  ['PSUBSCRIBE a* ', ...told('psubscribe', 'a*', 1)],
  ['SUBSCRIBE a; PSUBSCRIBE a*', ...told('psubscribe', 'a*', 2)],
  ['SUBSCRIBE a; SSUBSCRIBE a', ...told('ssubscribe', 'a', 1)],
  ['SSUBSCRIBE a b', ...joined(told('ssubscribe', 'a', 1), told('ssubscribe', 'b', 2))],
  ['UNSUBSCRIBE', ...told('unsubscribe', null, 0)],
  ['PUNSUBSCRIBE', ...told('punsubscribe', null, 0)],
  ['SUNSUBSCRIBE', ...told('sunsubscribe', null, 0)],
  ['UNSUBSCRIBE a', ...told('unsubscribe', 'a', 0)],
  ['PSUBSCRIBE x; UNSUBSCRIBE', ...told('unsubscribe', null, 1)],
  ['SSUBSCRIBE x; UNSUBSCRIBE', ...told('unsubscribe', null, 0)],
  ['SUBSCRIBE x; SUNSUBSCRIBE', ...told('sunsubscribe', null, 0)],
  ['SUBSCRIBE a b; UNSUBSCRIBE b', ...told('unsubscribe', 'b', 1)],
  [
    'SUBSCRIBE a b; PSUBSCRIBE c; UNSUBSCRIBE',
    ...joined(told('unsubscribe', 'a', 2), told('unsubscribe', 'b', 1)),
  ],
  [
    'PSUBSCRIBE a; PUNSUBSCRIBE b a',
    ...joined(told('punsubscribe', 'b', 1), told('punsubscribe', 'a', 0)),
  ],
  ['SSUBSCRIBE a; SUNSUBSCRIBE', ...told('sunsubscribe', 'a', 0)],
  ['PUBSUB CHANNELS', '*0\r\n'],
  ['SUBSCRIBE news; PUBSUB CHANNELS', `*1\r\n${bulk('news')}`],
  ['SUBSCRIBE news; PSUBSCRIBE x; PUBSUB CHANNELS', `*1\r\n${bulk('news')}`],
  ['SUBSCRIBE news weather; PUBSUB CHANNELS w*', `*1\r\n${bulk('weather')}`],
  ['SUBSCRIBE news; PUBSUB CHANNELS N*', '*0\r\n'],
  ['SUBSCRIBE news; PUBSUB SHARDCHANNELS', '*0\r\n'],
  ['SSUBSCRIBE news; PUBSUB SHARDCHANNELS n?ws', `*1\r\n${bulk('news')}`],
  ['PUBSUB NUMSUB', '*0\r\n'],
  ['SUBSCRIBE a; PSUBSCRIBE a; PUBSUB NUMSUB a b', `*4\r\n${bulk('a')}:1\r\n${bulk('b')}:0\r\n`],
  ['SUBSCRIBE a; PUBSUB SHARDNUMSUB a', `*2\r\n${bulk('a')}:0\r\n`],
  ['SSUBSCRIBE a; PUBSUB SHARDNUMSUB a', `*2\r\n${bulk('a')}:1\r\n`],
  ['PUBSUB NUMPAT', ':0\r\n'],
  ['PSUBSCRIBE a* b* a*; PUBSUB NUMPAT', ':2\r\n'],
  ['PSUBSCRIBE a*; PUNSUBSCRIBE; PUBSUB NUMPAT', ':0\r\n'],
  ['PUBSUB', "-ERR wrong number of arguments for 'pubsub' command\r\n"],
  ['PUBSUB foo', "-ERR unknown subcommand 'foo'. Try PUBSUB HELP.\r\n"],
  ['PUBSUB NUMPAT x', "-ERR wrong number of arguments for 'pubsub|numpat' command\r\n"],
  [
    'PUBSUB channels a b',
    "-ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.\r\n",
  ],
  ['SUBSCRIBE', "-ERR wrong number of arguments for 'subscribe' command\r\n"],
  ['PSUBSCRIBE', "-ERR wrong number of arguments for 'psubscribe' command\r\n"],
  ['SSUBSCRIBE', "-ERR wrong number of arguments for 'ssubscribe' command\r\n"],
];

function runAll(runner: SessionRunner, commands: string): string {
  let reply = '';
  for (const command of commands.split(';')) reply = runner.run(...command.trim().split(' '));
  return reply;
}

describe.each([2, 3])('pub/sub commands, RESP%i', (protocol) => {
  test.each(TABLE)('%s', (commands, resp2, resp3) => {
    const runner = new SessionRunner(PUBSUB_COMMANDS);
    runner.session.protocol = protocol;
    expect(runAll(runner, commands)).toBe(protocol === 3 ? (resp3 ?? resp2) : resp2);
    runner.server.board.checkInvariants();
    runner.server.subscribers.checkInvariants([runner.session]);
  });
});

test('what is not subscribed to any more is not counted', () => {
  const runner = new SessionRunner(PUBSUB_COMMANDS);
  runAll(
    runner,
    'SUBSCRIBE a b; PSUBSCRIBE c; SSUBSCRIBE d; UNSUBSCRIBE; PUNSUBSCRIBE; SUNSUBSCRIBE',
  );
  expect(runner.session.subscriptions).toBe(null);
  for (const kind of [KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL] as const) {
    expect(runner.server.board.size(kind)).toBe(0);
  }
});

test('SSUBSCRIBE is not for transactions', () => {
  const runner = new SessionRunner(PUBSUB_COMMANDS);
  runner.canSuspend = false;
  expect(runner.run('SSUBSCRIBE', 'a')).toBe(
    "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n",
  );
  expect(runner.run('SUBSCRIBE', 'a')).toBe(told('subscribe', 'a', 1)[0]);
});

test('names are bytes', () => {
  const runner = new SessionRunner(PUBSUB_COMMANDS);
  const name = Uint8Array.of(0, 255, 13, 10);
  const shown = Buffer.from(name).toString('latin1');
  expect(runner.run('SUBSCRIBE', name, '')).toBe(
    told('subscribe', shown, 1)[0] + told('subscribe', '', 2)[0],
  );
  expect(runner.run('PUBSUB', 'NUMSUB', name)).toBe(`*2\r\n${bulk(shown)}:1\r\n`);
  expect(runner.run('UNSUBSCRIBE')).toBe(
    told('unsubscribe', shown, 1)[0] + told('unsubscribe', '', 0)[0],
  );
});

test('a name for which there is no memory is refused', () => {
  const runner = new SessionRunner(PUBSUB_COMMANDS);
  expect(runner.run('SUBSCRIBE', 'a', 'b'.repeat(1 << 20))).toBe(
    `${told('subscribe', 'a', 1)[0]}-OOM command not allowed when used memory > 'maxmemory'.\r\n`,
  );
});

test.each([
  ['PUBLISH', false],
  ['SPUBLISH', true],
])('%s hands over channel and message', (name, isShard) => {
  const runner = new LocalRunner(PUBSUB_COMMANDS);
  expect(runner.run(name, 'a', 'b')).toBe(':0\r\n');
  const text = ({ buf, from, to }: Part): string => Buffer.from(buf.slice(from, to)).toString();
  const sent: unknown[] = [];
  runner.context.publisher = {
    publish: (...[toShard, channel, message]) => {
      sent.push([toShard, text(channel), text(message)]);
      return 7;
    },
  };
  expect(runner.run(name, 'news', 'hello')).toBe(':7\r\n');
  expect(sent).toEqual([[isShard, 'news', 'hello']]);
  expect(runner.run(name, 'news')).toMatch(/^-ERR wrong number of arguments/);
});

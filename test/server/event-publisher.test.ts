/** Messages of keyspace events, by the channels that notify-keyspace-events selects. */
import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { EventPublisher } from '../../src/server/event-publisher.ts';
import type { Part } from '../../src/server/post.ts';
import { MODE_ALWAYS } from '../../src/server/shared-layout.ts';
import { LocalRunner } from '../support/local-runner.ts';

function text({ buf, from, to }: Part): string {
  return Buffer.from(buf.subarray(from, to)).toString('latin1');
}

function start(classes: string) {
  const runner = new LocalRunner(ALL_COMMANDS, { arenaBytes: 1 << 24, shards: 1 });
  const sent: string[] = [];
  const guard = { mode: 0, position: 0, journal: { position: () => guard.position } };
  const outlet = {
    isSilent: false,
    publish(isShard: boolean, channel: Part, message: Part, gate: number): number {
      expect(isShard).toBe(false);
      sent.push(`${text(channel)} ${text(message)}${gate === 0 ? '' : ` after ${gate}`}`);
      return 1;
    },
  };
  const publisher = new EventPublisher(runner.state, outlet, guard);
  publisher.configure(classes);
  return { runner, sent, outlet, publisher, guard };
}

test.each([
  ['KA', ['__keyspace@0__:h hset']],
  ['EA', ['__keyevent@0__:hset h']],
  ['KEh', ['__keyspace@0__:h hset', '__keyevent@0__:hset h']],
  ['hS', ['__subkeyspace@0__:h hset|1:f,2:gg']],
  ['hT', ['__subkeyevent@0__:hset 1:h|1:f,2:gg']],
  ['hI', ['__subkeyspaceitem@0__:h\nf hset', '__subkeyspaceitem@0__:h\ngg hset']],
  ['hV', ['__subkeyspaceevent@0__:hset|h 1:f,2:gg']],
  [
    'KESTIVA',
    [
      '__keyspace@0__:h hset',
      '__keyevent@0__:hset h',
      '__subkeyspace@0__:h hset|1:f,2:gg',
      '__subkeyevent@0__:hset 1:h|1:f,2:gg',
      '__subkeyspaceitem@0__:h\nf hset',
      '__subkeyspaceitem@0__:h\ngg hset',
      '__subkeyspaceevent@0__:hset|h 1:f,2:gg',
    ],
  ],
  ['KEn', ['__keyspace@0__:h new', '__keyevent@0__:new h']],
  ['A', []],
  ['KE', []],
  ['STIV', []],
  ['', []],
  ['K$', []],
])('HSET with %s', (classes, messages) => {
  const { runner, sent } = start(classes);
  runner.run('HSET', 'h', 'f', 'v', 'gg', 'w');
  expect(sent).toEqual(messages);
});

test('other databases, long keys and names, keys of any bytes', () => {
  const { runner, sent } = start('KESTIVA');
  const long = 'k'.repeat(5000);
  runner.db = 15;
  runner.run('SET', long, 'v');
  runner.run('DEL', long);
  expect(sent).toEqual([
    `__keyspace@15__:${long} set`,
    `__keyevent@15__:set ${long}`,
    `__keyspace@15__:${long} del`,
    `__keyevent@15__:del ${long}`,
  ]);
  sent.length = 0;
  runner.run('HSET', 'a\nb\0', 'f,1:g', 'v', '', 'w', long, 'x');
  expect(sent).toEqual([
    '__keyspace@15__:a\nb\0 hset',
    '__keyevent@15__:hset a\nb\0',
    `__subkeyspace@15__:a\nb\0 hset|5:f,1:g,0:,5000:${long}`,
    `__subkeyevent@15__:hset 4:a\nb\0|5:f,1:g,0:,5000:${long}`,
    `__subkeyspaceevent@15__:hset|a\nb\0 5:f,1:g,0:,5000:${long}`,
  ]);
});

test('the configuration may change, and nobody may listen', () => {
  const { runner, sent, outlet, publisher } = start('KA');
  runner.run('SET', 'k', 'v');
  publisher.configure('Eg');
  runner.run('SET', 'k', 'v');
  runner.run('DEL', 'k');
  outlet.isSilent = true;
  runner.run('SET', 'k', 'v');
  runner.run('DEL', 'k');
  outlet.isSilent = false;
  publisher.configure('');
  runner.run('SET', 'k', 'v');
  runner.run('DEL', 'k');
  expect(sent).toEqual(['__keyspace@0__:k set', '__keyevent@0__:del k']);
});

describe('with appendfsync always', () => {
  test('events of a command wait for its record, those beside commands for theirs', () => {
    const { runner, sent, publisher, guard } = start('KSA');
    guard.mode = MODE_ALWAYS;
    guard.position = 10;
    publisher.hold();
    runner.run('HSET', 'h', 'f', 'v');
    expect(sent).toEqual([]);
    guard.position = 20;
    publisher.release();
    expect(sent).toEqual([
      '__keyspace@0__:h hset after 20',
      '__subkeyspace@0__:h hset|1:f after 20',
    ]);
    sent.length = 0;
    runner.run('DEL', 'h');
    expect(sent).toEqual(['__keyspace@0__:h del after 20']);
  });

  test('those of a transaction for all of it', () => {
    const { runner, sent, publisher, guard } = start('KA');
    guard.mode = MODE_ALWAYS;
    publisher.hold();
    for (const key of ['a', 'b']) {
      publisher.hold();
      runner.run('SET', key, 'v');
      publisher.release();
    }
    expect(sent).toEqual([]);
    guard.position = 30;
    publisher.release();
    expect(sent).toEqual(['__keyspace@0__:a set after 30', '__keyspace@0__:b set after 30']);
  });

  test('other policies wait for nothing', () => {
    const { runner, sent, publisher, guard } = start('KA');
    guard.position = 10;
    publisher.hold();
    runner.run('SET', 'k', 'v');
    expect(sent).toEqual(['__keyspace@0__:k set']);
    publisher.release();
    expect(sent.length).toBe(1);
  });
});

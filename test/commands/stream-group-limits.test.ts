/** Consumer groups that are large, and arenas that are full. */
import { describe, expect, test } from 'vitest';
import { array, bulk, FULL, integer, OK } from '../conformance/table.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { filled, noKeyOrGroup, STREAM_SPECS, words } from './stream-replies.ts';

describe('large groups', () => {
  const SIZE = 2000;
  const entries = Array.from({ length: SIZE }, (_, i) => `${i + 1}-1`);

  function large(workMax: number): LocalRunner {
    const runner = new LocalRunner(STREAM_SPECS, { arenaBytes: 1 << 24, workMax });
    for (const id of entries) runner.run('XADD', 's', id, 'f', 'v');
    runner.run('XGROUP', 'CREATE', 's', 'g', 0);
    runner.run('XCLAIM', 's', 'g', 'c', 0, ...entries, 'FORCE', 'JUSTID');
    runner.escalations = 0;
    return runner;
  }

  test.each<[string, string]>([
    ['XGROUP DELCONSUMER s g c', integer(SIZE)],
    ['XPENDING s g IDLE 1000 - + 1', array()],
    ['XAUTOCLAIM s g d 1000 - COUNT 1000', array(bulk('0-0'), array(), array())],
  ])('%s is for the owner', (command, reply) => {
    const runner = large(500);
    expect(runner.run(...words(command))).toBe(reply);
    expect(runner.escalations).toBe(1);
    runner.checkInvariants();
  });

  test.each([
    'XACK s g *',
    `XNACK s g FAIL IDS ${SIZE} *`,
    'XCLAIM s g d 0 *',
    'XINFO STREAM s FULL COUNT 0',
    'XINFO STREAM s FULL COUNT 1000',
    'XPENDING s g - + 1000',
    'XPENDING s g - + 1000 c',
  ])('%s is for the owner', (command) => {
    const runner = large(500);
    expect(runner.run(...words(command.replace('*', entries.join(' '))))).not.toMatch(/^-/);
    expect(runner.escalations).toBe(1);
    runner.checkInvariants();
  });

  test.each([
    'XPENDING s g',
    'XPENDING s g - + 10',
    'XPENDING s g - + 10 c',
    'XINFO STREAM s',
    'XINFO STREAM s FULL',
    'XINFO GROUPS s',
    'XINFO CONSUMERS s g',
    'XAUTOCLAIM s g d 0 - COUNT 10',
    'XACK s g 1-1',
    'XNACK s g FAIL IDS 1 2-1',
    'XGROUP DESTROY s g',
  ])('%s may run anywhere', (command) => {
    const runner = large(500);
    expect(runner.run(...words(command))).not.toMatch(/^-/);
    expect(runner.escalations).toBe(0);
  });

  test('a group that was destroyed is freed in slices', () => {
    const runner = large(500);
    const shard = runner.shards.find((one) => one.dict(0).size === 1)!;
    const usedBefore = shard.arena.usedBytes();
    expect(runner.run('XGROUP', 'CREATE', 's', 'h', '5-1')).toBe(OK);
    expect(runner.run('XGROUP', 'DESTROY', 's', 'g')).toBe(integer(1));
    expect(runner.run('XPENDING', 's', 'g')).toBe(noKeyOrGroup('s', 'g'));
    expect(shard.lazy.length).toBe(1);
    expect(runner.run('XLEN', 's')).toBe(integer(SIZE));
    runner.checkInvariants();
    let steps = 0;
    for (; !shard.lazy.step(16); steps++) runner.checkInvariants();
    expect(steps).toBeGreaterThan(5);
    runner.checkInvariants();
    expect(runner.run('XGROUP', 'CREATECONSUMER', 's', 'h', 'c')).toBe(integer(1));
    runner.run('XGROUP', 'DESTROY', 's', 'h');
    expect(shard.lazy.isEmpty).toBe(true);
    expect(shard.arena.usedBytes()).toBeLessThan(usedBefore - SIZE * 32);
    runner.checkInvariants();
  });

  test('many consumers and groups', () => {
    const runner = new LocalRunner(STREAM_SPECS, { arenaBytes: 1 << 24, workMax: 500 });
    runner.run('XGROUP', 'CREATE', 's', 'g', 0, 'MKSTREAM');
    for (let i = 0; i < 1000; i++) runner.run('XGROUP', 'CREATECONSUMER', 's', 'g', `c${i}`);
    for (let i = 0; i < 1000; i++) runner.run('XGROUP', 'CREATE', 's', `g${i}`, 0);
    expect(runner.escalations).toBe(0);
    for (const command of ['XINFO GROUPS s', 'XINFO CONSUMERS s g', 'XPENDING s g']) {
      runner.run(...words(command));
    }
    expect(runner.escalations).toBe(3);
    runner.checkInvariants();
  });
});

describe('without memory', () => {
  /** A runner whose arena is full, with a stream s of `count` entries and a group g. */
  function full(count: number): LocalRunner {
    const runner = new LocalRunner(STREAM_SPECS, { arenaBytes: 1 << 20, shards: 1 });
    for (const [add] of filled(count)) runner.run(...add);
    runner.run('XGROUP', 'CREATE', 's', 'g', 0);
    const fill = (size: number): void => {
      for (let i = 0; runner.run('SET', `${size}:${i}`, 'x'.repeat(size)) === OK; i++);
    };
    fill(65536);
    for (let size = 4096; size > 0; size -= 8) fill(size);
    return runner;
  }

  test.each([
    'XGROUP CREATE new g $ MKSTREAM',
    'XGROUP CREATE s * $',
    'XGROUP CREATECONSUMER s g *',
    'XCLAIM s g * 0 1-1 FORCE',
    'XAUTOCLAIM s g * 0 -',
  ])('%s changes nothing', (command) => {
    const runner = full(3);
    const before = runner.run('XINFO', 'STREAM', 's', 'FULL');
    expect(runner.run(...words(command.replace('*', 'x'.repeat(3000))))).toBe(FULL);
    expect(runner.run('XINFO', 'STREAM', 's', 'FULL')).toBe(before);
    expect(runner.run('EXISTS', 'new')).toBe(integer(0));
    runner.checkInvariants();
  });

  test('a group can be destroyed', () => {
    const runner = full(3);
    expect(runner.run('XGROUP', 'DESTROY', 's', 'g')).toBe(integer(1));
    expect(runner.run('XINFO', 'GROUPS', 's')).toBe(array());
    runner.checkInvariants();
  });

  test.each([
    ['XCLAIM', (all: readonly string[]) => ['XCLAIM', 's', 'g', 'c', '0', ...all, 'FORCE']],
    [
      'XNACK',
      (all: readonly string[]) => [
        'XNACK',
        's',
        'g',
        'FAIL',
        'IDS',
        `${all.length}`,
        ...all,
        'FORCE',
      ],
    ],
  ])('%s does what it can', (_name, command) => {
    const runner = full(2000);
    runner.run('DEL', '65536:0');
    const all = Array.from({ length: 2000 }, (_, i) => `${i + 1}-1`);
    expect(runner.run(...command(all))).toBe(FULL);
    const [count] = decodeReply(runner.run('XPENDING', 's', 'g')) as [number];
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(2000);
    runner.checkInvariants();
  });
});

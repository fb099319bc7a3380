import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { scanShardIndex } from '../../src/commands/scan-cursor.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { argView, LocalRunner } from '../support/local-runner.ts';

const COMMANDS = [...STRING_COMMANDS, ...GENERIC_COMMANDS];

/** Cursor and keys of a SCAN reply; keys without line ends. */
function scanReply(reply: string): { cursor: string; keys: string[] } {
  const words = reply.split('\r\n').filter((line) => line !== '' && !/^[*$]\d+$/.test(line));
  return { cursor: words[0]!, keys: words.slice(1) };
}

function keysReply(reply: string): string[] {
  return reply.split('\r\n').filter((line) => line !== '' && !/^[*$]\d+$/.test(line));
}

/** A whole scan; `between` runs after every call. */
function scanAll(runner: LocalRunner, options: readonly string[], between = () => {}): string[] {
  const found: string[] = [];
  let cursor = '0';
  let calls = 0;
  do {
    const reply = scanReply(runner.run('SCAN', cursor, ...options));
    cursor = reply.cursor;
    found.push(...reply.keys);
    between();
    calls += 1;
    if (calls > 100_000) throw new Error('the scan does not end');
  } while (cursor !== '0');
  return found;
}

function fill(runner: LocalRunner, prefix: string, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  for (const name of names) runner.run('SET', name, 'v');
  return names;
}

describe.each([1, 3, 4])('%i shards', (shards) => {
  test('a scan of a keyspace at rest returns every key once', () => {
    const runner = new LocalRunner(COMMANDS, { shards });
    const names = fill(runner, 'k', 2000);
    expect(scanAll(runner, []).sort()).toEqual([...names].sort());
    expect(scanAll(runner, ['COUNT', '1']).sort()).toEqual([...names].sort());
    expect(scanAll(runner, ['COUNT', '9223372036854775807']).length).toBe(2000);
    expect(scanAll(runner, ['MATCH', 'k?', 'COUNT', '100']).sort()).toEqual(
      [...'0123456789'].map((digit) => `k${digit}`),
    );
    expect(scanAll(runner, ['TYPE', 'String', 'COUNT', '500']).length).toBe(2000);
    expect(scanAll(runner, ['TYPE', 'list', 'COUNT', '500']).length).toBe(0);
    expect(scanAll(runner, ['TYPE', 'what', 'COUNT', '500']).length).toBe(0);
    expect(keysReply(runner.run('KEYS', '*')).sort()).toEqual([...names].sort());
  });

  test('KEYS returns every key once in the middle of a resize', () => {
    const runner = new LocalRunner(COMMANDS, { shards });
    let resizes = 0;
    for (let i = 0; i < 1500; i++) {
      runner.run('SET', `k${i}`, 'v');
      if (!runner.shards.some((shard) => shard.dict(0).isResizing) || i % 7 !== 0) continue;
      resizes += 1;
      const keys = keysReply(runner.run('KEYS', 'k*'));
      expect([keys.length, new Set(keys).size]).toEqual([i + 1, i + 1]);
    }
    expect(resizes).toBeGreaterThan(3);
  });

  test('a key that is there all the time is returned while others come and go', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom('1', '5', '10', '50'),
        fc.array(fc.integer({ min: -400, max: 400 }), { minLength: 1, maxLength: 12 }),
        (stableCount, count, changes) => {
          const runner = new LocalRunner(COMMANDS, { shards, arenaBytes: 1 << 24 });
          const stable = fill(runner, 's', stableCount);
          const volatile: string[] = [];
          let step = 0;
          let made = 0;
          const found = scanAll(runner, ['COUNT', count], () => {
            const change = changes[step % changes.length]!;
            step += 1;
            // Growth ends after a while, so that the scan does.
            for (let i = 0; i < change && made < 6000; i++) {
              const name = `t${made}`;
              made += 1;
              volatile.push(name);
              runner.run('SET', name, 'v');
            }
            for (let i = 0; i > change && volatile.length > 0; i--) {
              runner.run('DEL', volatile.splice((step * 7919) % volatile.length, 1)[0]!);
            }
          });
          runner.checkInvariants();
          const missing = stable.filter((name) => !found.includes(name));
          expect(missing).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('expired keys are not returned and freed on the way', () => {
    const runner = new LocalRunner(COMMANDS, { shards });
    const live = fill(runner, 'live', 300);
    for (const name of fill(runner, 'dead', 500)) runner.run('PEXPIRE', name, '5');
    runner.advance(5);
    expect(keysReply(runner.run('KEYS', '*')).sort()).toEqual([...live].sort());
    expect(runner.run('DBSIZE')).toBe(':800\r\n');
    expect(scanAll(runner, ['COUNT', '7']).sort()).toEqual([...live].sort());
    runner.checkInvariants();
    expect(runner.run('DBSIZE')).toBe(':300\r\n');
    expect(runner.state.expiredKeys).toBe(500);
  });

  test('readers free nothing', () => {
    const runner = new LocalRunner(COMMANDS, { shards });
    for (const name of fill(runner, 'dead', 100)) runner.run('PEXPIRE', name, '5');
    runner.run('SET', 'live', '1');
    runner.advance(5);
    runner.state.isReadOnly = true;
    expect(scanAll(runner, [])).toEqual(['live']);
    for (let i = 0; i < 20; i++) expect(runner.run('RANDOMKEY')).toBe('$4\r\nlive\r\n');
    expect(runner.run('DBSIZE')).toBe(':101\r\n');
  });

  test('cursors that no scan returned end', () => {
    const runner = new LocalRunner(COMMANDS, { shards });
    fill(runner, 'k', 500);
    const cursors = ['7', '1000003', '4294967295', '9007199254740991', '18446744073709551615'];
    for (const start of [...cursors, '+5', '007']) {
      let cursor = start;
      let calls = 0;
      do {
        cursor = scanReply(runner.run('SCAN', cursor)).cursor;
        calls += 1;
      } while (cursor !== '0' && calls < 5000);
      expect(calls).toBeLessThan(5000);
    }
  });

  test('RANDOMKEY draws from all shards in proportion to their keys', () => {
    const runner = new LocalRunner(COMMANDS, { shards });
    const names = fill(runner, 'k', 40);
    for (const name of fill(runner, 'dead', 40)) runner.run('PEXPIRE', name, '1');
    runner.advance(1);
    const drawn = new Set<string>();
    for (let i = 0; i < 4000; i++) drawn.add(keysReply(runner.run('RANDOMKEY'))[0]!);
    // A key is missed by 4000 draws with a chance of about e^-50.
    expect([...drawn].sort()).toEqual([...names].sort());
    runner.checkInvariants();
  });
});

test('an empty shard costs no call of its own', () => {
  const runner = new LocalRunner(COMMANDS, { shards: 8 });
  runner.run('SET', 'only', '1');
  let calls = 0;
  expect(scanAll(runner, [], () => calls++)).toEqual(['only']);
  expect(calls).toBeLessThanOrEqual(2);
});

test('a keyspace of fewer keys than COUNT is scanned in one call, whatever its shards', () => {
  for (const shards of [1, 4, 8]) {
    const runner = new LocalRunner(COMMANDS, { shards });
    const names = fill(runner, 'k', 9);
    const first = scanReply(runner.run('SCAN', '0'));
    expect([first.cursor, [...first.keys].sort()]).toEqual(['0', [...names].sort()]);
    fill(runner, 'm', 90);
    expect(scanReply(runner.run('SCAN', '0', 'COUNT', '200')).keys.length).toBe(99);
    const few = scanReply(runner.run('SCAN', '0', 'COUNT', '5'));
    expect(few.keys.length).toBeGreaterThanOrEqual(5);
    expect(few.cursor).not.toBe('0');
    expect(scanReply(runner.run('SCAN', '0', 'COUNT', '200', 'MATCH', 'm*')).keys.length).toBe(90);
  }
});

test('huge COUNTs escalate, small ones do not', () => {
  const runner = new LocalRunner(COMMANDS, { workMax: 100 });
  runner.run('SCAN', '0', 'COUNT', '100');
  expect(runner.escalations).toBe(0);
  runner.run('SCAN', '0', 'COUNT', '101');
  expect(runner.escalations).toBe(1);
});

test('the shard of a cursor', () => {
  const shardOf = (cursor: string) => scanShardIndex(argView(['SCAN', cursor]), 4);
  expect(['0', '1', '7', '4000', 'x'].map(shardOf)).toEqual([0, 1, 3, 0, 0]);
});

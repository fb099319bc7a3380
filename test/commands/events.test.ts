/** Keyspace events: what each command tells, through a sink of the thread's state. */
import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { CommandTable } from '../../src/commands/table.ts';
import { ActiveExpire } from '../../src/keyspace/active-expire.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { ALL_EVENTS, EventLog } from '../support/event-log.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { resetRunner } from '../support/recorder.ts';
import { EVENT_ROWS } from './event-rows.ts';

/** Commands that are tested below, because they take bytes, or elsewhere. */
const ELSEWHERE = ['restore', 'restore-asking', 'debug|reload'];

const words = (text: string): string[] => text.split(' ');

function newRunner(workMax: number, classes: string): { runner: LocalRunner; log: EventLog } {
  const runner = new LocalRunner(ALL_COMMANDS, { arenaBytes: 1 << 24, shards: 2, workMax });
  return { runner, log: new EventLog(runner.state, classes) };
}

/** Begins anew with these commands. */
function begin({ runner, log }: ReturnType<typeof newRunner>, before: readonly string[]): void {
  resetRunner(runner);
  for (const text of before) expect(runner.run(...words(text)), text).not.toMatch(/^-/);
  log.take();
}

function expireAll(runner: LocalRunner): void {
  for (const shard of runner.shards) {
    const cycle = new ActiveExpire(shard);
    while (!cycle.slice());
  }
}

describe.each([
  ['as on a worker', Number.POSITIVE_INFINITY],
  ['as on an I/O thread that gives all work to a worker', 0],
])('%s', (_name, workMax) => {
  const place = newRunner(workMax, ALL_EVENTS);

  test.each(EVENT_ROWS.map(([before, command, events, ms]) => [command, before, events, ms]))(
    '%s after %j: %s',
    (command, before, events, waitMs) => {
      begin(place, before as string[]);
      place.runner.advance((waitMs as number | undefined) ?? 0);
      place.runner.run(...words(command as string));
      expect(place.log.take()).toBe(events);
      place.runner.checkInvariants();
    },
  );
});

test('every command that changes data has a row', () => {
  const tested = new Set<string>(ELSEWHERE);
  for (const [, command] of EVENT_ROWS) {
    const [name, sub] = words(command.toLowerCase());
    tested.add(name!).add(`${name}|${sub}`);
  }
  const missing = new CommandTable(ALL_COMMANDS).rows
    .filter((row) => row.isHeldAsWrite && row.spec.place === 'shard')
    .map((row) => row.fullName)
    .filter((name) => !tested.has(name));
  expect(missing).toEqual([]);
});

test('nobody listens, nothing is told', () => {
  const place = newRunner(Number.POSITIVE_INFINITY, 'A');
  for (const [before, command] of EVENT_ROWS) {
    begin(place, before);
    place.runner.run(...words(command));
  }
  expect(place.log.take()).toBe('');
});

test('classes that are off stay silent', () => {
  const place = newRunner(Number.POSITIVE_INFINITY, 'Klg');
  begin(place, []);
  for (const text of ['SET k v', 'RPUSH l a', 'LPOP l', 'GET x', 'EXPIRE k 5']) {
    place.runner.run(...words(text));
  }
  expect(place.log.take()).toBe('l:rpush l:lpop l:del k:expire');
});

describe('RESTORE', () => {
  const place = newRunner(Number.POSITIVE_INFINITY, ALL_EVENTS);
  const { runner, log } = place;

  test.each(['RESTORE', 'RESTORE-ASKING'])('%s', (name) => {
    begin(place, ['RPUSH l a b']);
    const payload = Buffer.from(decodeReply(runner.run('DUMP', 'l')) as string, 'latin1');
    runner.run(name, 'k', 0, payload);
    expect(log.take()).toBe('k:new k:restore');
    runner.run(name, 'k', 0, payload);
    expect(log.take()).toBe('');
    runner.run(name, 'k', 500, payload, 'REPLACE');
    expect(log.take()).toBe('k:new k:restore k:overwritten');
    runner.run('SET', 'k', 'v');
    log.take();
    runner.run(name, 'k', 0, payload, 'REPLACE');
    expect(log.take()).toBe('k:new k:restore k:overwritten k:type_changed');
    runner.run(name, 'k', 1, payload, 'REPLACE', 'ABSTTL');
    expect(log.take()).toBe('k:del');
    runner.run(name, 'k', 1, payload, 'ABSTTL');
    expect(log.take()).toBe('');
  });
});

describe('expiry in the background', () => {
  const place = newRunner(Number.POSITIVE_INFINITY, 'AKSnm');
  const { runner, log } = place;

  test('keys', () => {
    begin(place, ['SET a 1 PX 5', 'RPUSH b 1', 'PEXPIRE b 5', 'SET c 1 PX 50']);
    runner.advance(6);
    expireAll(runner);
    expect(words(log.take()).sort()).toEqual(['a:expired', 'b:expired']);
    expireAll(runner);
    expect(log.take()).toBe('');
  });

  test.each([128, 1])('fields, where %i fields are a listpack', (entries) => {
    runner.state.limits.hashMaxListpackEntries = entries;
    begin(place, ['HSET h f v g w i x', 'HPEXPIRE h 5 FIELDS 2 f g', 'HPEXPIRE h 50 FIELDS 1 i']);
    runner.advance(6);
    expireAll(runner);
    expect(log.take()).toMatch(/^h:hexpired\((f,g|g,f)\)$/);
    runner.advance(50);
    expireAll(runner);
    expect(log.take()).toBe('h:hexpired(i) h:del');
    expect(runner.run('EXISTS', 'h')).toBe(':0\r\n');
    expect(log.take()).toBe('h:keymiss');
  });
});

describe('fields that an event is about', () => {
  const place = newRunner(Number.POSITIVE_INFINITY, 'AS');

  test.each([
    [[], 'HSET h f v g w', 'h:hset(f,g)'],
    [[], 'HMSET h f v f w', 'h:hset(f,f)'],
    [[], 'HSETNX h f v', 'h:hset(f)'],
    [['HSET h f v g w'], 'HDEL h x g', 'h:hdel(g)'],
    [['HSET h f v g w'], 'HDEL h f g', 'h:hdel(f,g) h:del'],
    [[], 'HINCRBY h f 1', 'h:hincrby(f)'],
    [[], 'HINCRBYFLOAT h f 1', 'h:hincrbyfloat(f)'],
    [['HSET h f v g w'], 'HEXPIRE h 9 FIELDS 3 f x g', 'h:hexpire(f,g)'],
    [['HSET h f v g w'], 'HEXPIRE h 0 FIELDS 2 f x', 'h:hdel(f)'],
    [['HSETEX h EX 9 FIELDS 1 f v'], 'HPERSIST h FIELDS 2 x f', 'h:hpersist(f)'],
    [['HSET h f v g w'], 'HGETDEL h FIELDS 2 x g', 'h:hdel(g)'],
    [['HSET h f v g w'], 'HGETEX h EX 9 FIELDS 2 x g', 'h:hexpire(g)'],
    [['HSET h f v g w'], 'HGETEX h PXAT 1 FIELDS 2 g f', 'h:hdel(g,f) h:del'],
    [[], 'HSETEX h EX 9 FIELDS 2 f v g w', 'h:hset(f,g) h:hexpire(f,g)'],
    [['HSET h f v'], 'HSETEX h PXAT 1 FIELDS 2 f v g w', 'h:hset(f,g) h:hdel(f) h:del'],
    [['HSET h f v'], 'DEL h', 'h:del'],
  ])('%s after %j: %s', (before, command, events) => {
    begin(place, before);
    place.runner.run(...words(command));
    expect(place.log.take()).toBe(events);
  });

  test('many and long names', () => {
    begin(place, []);
    const names = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(i * 5, 'x'));
    place.runner.run('HSET', 'h', ...names.flatMap((name) => [name, 'v']));
    expect(place.log.take()).toBe(`h:hset(${names.join(',')})`);
  });

  test('an expired field that is deleted', () => {
    begin(place, ['HSET h f v g w', 'HPEXPIRE h 5 FIELDS 1 f']);
    place.runner.advance(6);
    place.runner.run('HDEL', 'h', 'f', 'g');
    expect(place.log.take()).toBe('h:hexpired(f) h:hdel(g) h:del');
  });
});

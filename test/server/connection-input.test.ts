/** Input of a connection in its own memory and in spill memory, against a plain list of bytes. */
import { expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { CommandTable } from '../../src/commands/table.ts';
import { Arena } from '../../src/memory/arena.ts';
import {
  type ArgView,
  DEFAULT_PARSER_LIMITS,
  PARSE_COMPLETE,
  RequestParser,
} from '../../src/resp/request-parser.ts';
import { AclCommands } from '../../src/server/acl/acl-commands.ts';
import { AclUsers } from '../../src/server/acl/users.ts';
import { Connection } from '../../src/server/connection.ts';
import { Spill } from '../../src/server/spill.ts';
import type { Endpoint } from '../../src/transport/transport.ts';
import type { Random } from '../support/random.ts';
import { withRandom } from '../support/random.ts';

const SPILL_BYTES = 64 * 1024 * 1024;
const ENDPOINT: Endpoint = { kind: 'tcp', text: '127.0.0.1:1', isLoopback: true };
const SIZES = [1, 500, 70_000, 1_100_000, 3_000_000, 9_000_000];
const COUNTS = [4, 20, 4095, 4097, 70_000, 300_000];

interface Fixture {
  readonly arena: Arena;
  readonly spill: Spill;
  readonly connection: Connection;
}

function fixture(): Fixture {
  const arena = Arena.create(SPILL_BYTES, 64);
  const spill = new Spill(arena.buffer, new Int32Array(new SharedArrayBuffer(4)), 0);
  const host = {
    spill,
    infoLine: () => '',
    unwatchAll: () => undefined,
    tracking: { begin: () => null, end: () => undefined },
    unsubscribeAll: () => undefined,
    users: new AclUsers(new AclCommands(new CommandTable(ALL_COMMANDS))),
  };
  const connection = new Connection(host, 0, 1, 1, ENDPOINT, ENDPOINT, 0);
  return { arena, spill, connection };
}

/** A SET of a value of `size` bytes that are all `byte`. */
function setCommand(size: number, byte: number): Buffer {
  const head = Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${size}\r\n`);
  return Buffer.concat([head, Buffer.alloc(size, byte), Buffer.from('\r\n')]);
}

/** A command of `count` arguments, all of `byte`, the last of them of 9 bytes. */
function wideCommand(count: number, byte: number): Buffer {
  const one = Buffer.concat([Buffer.from('$3\r\n'), Buffer.alloc(3, byte), Buffer.from('\r\n')]);
  const last = Buffer.concat([Buffer.from('$9\r\n'), Buffer.alloc(9, byte), Buffer.from('\r\n')]);
  const head = Buffer.from(`*${count}\r\n`);
  return Buffer.concat([head, ...Array.from({ length: count - 1 }, () => one), last]);
}

interface Sent {
  readonly bytes: Buffer;
  readonly count: number;
  readonly lastLength: number;
  readonly byte: number;
}

function randomCommand(random: Random): Sent {
  const byte = random.below(256);
  if (random.oneIn(2)) {
    const count = random.pick(COUNTS);
    return { bytes: wideCommand(count, byte), count, lastLength: 9, byte };
  }
  const size = random.pick(SIZES);
  return { bytes: setCommand(size, byte), count: 3, lastLength: size, byte };
}

function expectArrived(args: ArgView, sent: Sent): void {
  const { count, lastLength, byte } = sent;
  expect([args.count, args.length[count - 1]]).toEqual([count, lastLength]);
  const ends = [args.offset[count - 1]!, args.end(count - 1) - 1];
  for (const at of ends) expect(args.buf[at]).toBe(byte);
  for (let i = 0; count > 3 && i < count - 1; i++) {
    if (args.length[i] !== 3 || args.buf[args.offset[i]!] !== byte) expect(i).toBe('right');
  }
}

/** Feeds a stream of commands in pieces; every command is consumed, some with their block. */
function feed({ arena, spill, connection }: Fixture, random: Random): void {
  const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
  const commands = Array.from({ length: 12 }, () => randomCommand(random));
  const stream = Buffer.concat(commands.map(({ bytes }) => bytes));
  const pieceMax = random.pick([1000, 64 * 1024, 700_000]);
  let seen = 0;
  const consume = (): void => {
    const { input } = connection;
    let at = 0;
    while (at < connection.inputLength) {
      const { inputLength, parseState } = connection;
      if (parser.parse(input, at, inputLength, parseState, true) !== PARSE_COMPLETE) break;
      const sent = commands[seen++]!;
      const { args } = parser;
      expectArrived(args, sent);
      at = parser.next;
      const body = random.oneIn(4) ? 0 : connection.givableInput(args);
      if (body === 0) continue;
      const { tableRef } = args;
      connection.inputGiven(args);
      connection.dropInput(at);
      expect(spill.u8[body * 8 + args.offset[sent.count - 1]!]).toBe(sent.byte);
      spill.free(body);
      if (tableRef !== 0) spill.free(tableRef);
      consume();
      return;
    }
    connection.dropInput(at);
  };
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + 1 + random.below(pieceMax));
    connection.keepInput(stream, at, end);
    at = end;
    consume();
    if (random.oneIn(50)) connection.trimInput(random.below(10_000));
  }
  expect(seen).toBe(commands.length);
  expect(connection.inputLength).toBe(0);
  connection.releaseInput();
  expect(arena.usedBytes()).toBe(0);
  arena.checkInvariants();
}

test('commands arrive as they were sent, and every block is given back', async () => {
  await withRandom(async (random) => {
    for (let round = 0; round < 4; round++) feed(fixture(), random);
  });
});

test('a client that closes in the middle of a large command leaves nothing behind', () => {
  const { arena, connection } = fixture();
  const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
  const command = wideCommand(300_000, 65);
  connection.keepInput(command, 0, 100_000);
  parser.parse(connection.input, 0, connection.inputLength, connection.parseState, true);
  expect(arena.usedBytes()).not.toBe(0);
  connection.releaseInput();
  expect(arena.usedBytes()).toBe(0);
});

test('without room in spill memory, input is kept elsewhere', () => {
  const parts = fixture();
  const { connection, spill } = parts;
  expect(spill.takeSpare(SPILL_BYTES)).toBe(0);
  const held = spill.take(SPILL_BYTES / 2);
  expect(held).not.toBe(0);
  const command = setCommand(3_000_000, 65);
  connection.keepInput(command, 0, command.length);
  const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
  const { input, inputLength, parseState } = connection;
  expect(parser.parse(input, 0, inputLength, parseState, true)).toBe(PARSE_COMPLETE);
  expect(connection.givableInput(parser.args)).toBe(0);
});

test('a small command behind a large one does not take its block along', () => {
  const { connection } = fixture();
  const both = Buffer.concat([setCommand(3_000_000, 65), setCommand(100, 66)]);
  connection.keepInput(both, 0, both.length);
  const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
  const { input, inputLength, parseState } = connection;
  parser.parse(input, 0, inputLength, parseState, true);
  expect(connection.givableInput(parser.args)).not.toBe(0);
  parser.parse(input, parser.next, inputLength, parseState, true);
  expect(connection.givableInput(parser.args)).toBe(0);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ERROR_BYTES, ERRORS, type ErrorName } from '../../src/resp/errors.ts';
import { ReplyWriter } from '../../src/resp/reply-writer.ts';
import { latin1 } from './real-redis.ts';

function written(writer: ReplyWriter): string {
  return Buffer.from(writer.buf.subarray(0, writer.length)).toString('latin1');
}

function reply(resp3: boolean, write: (writer: ReplyWriter) => void): string {
  const writer = new ReplyWriter(16);
  writer.resp3 = resp3;
  write(writer);
  return written(writer);
}

type Row = [name: string, write: (writer: ReplyWriter) => void, resp2: string, resp3: string];

const both = (name: string, write: Row[1], text: string): Row => [name, write, text, text];

describe('one reply', () => {
  const source = latin1('..hello..');
  test.each<Row>([
    both('ok', (w) => w.ok(), '+OK\r\n'),
    both('simple', (w) => w.simple('QUEUED\r\n\xe9'), '+QUEUED  \xe9\r\n'),
    both('error', (w) => w.error('ERR a\nb'), '-ERR a b\r\n'),
    both('ready error', (w) => w.errorBytes(ERROR_BYTES.SYNTAX), '-ERR syntax error\r\n'),
    both('raw', (w) => w.raw(source), '..hello..'),
    both('raw range', (w) => w.rawRange(source, 2, 7), 'hello'),
    both('integer', (w) => w.integer(0), ':0\r\n'),
    both('negative', (w) => w.integer(-1), ':-1\r\n'),
    both('large', (w) => w.integer(Number.MAX_SAFE_INTEGER), ':9007199254740991\r\n'),
    both('int64', (w) => w.integerBigint(-(2n ** 63n)), ':-9223372036854775808\r\n'),
    both('bulk', (w) => w.bulk(source, 2, 7), '$5\r\nhello\r\n'),
    both('empty bulk', (w) => w.bulk(source, 3, 3), '$0\r\n\r\n'),
    both('text', (w) => w.bulkText('h\u00e9\u20ac'), '$6\r\nh\xc3\xa9\xe2\x82\xac\r\n'),
    both('latin1', (w) => w.bulkLatin1('h\xe9\0'), '$3\r\nh\xe9\0\r\n'),
    both('array', (w) => w.array(3), '*3\r\n'),
    ['null', (w) => w.null(), '$-1\r\n', '_\r\n'],
    ['null array', (w) => w.nullArray(), '*-1\r\n', '_\r\n'],
    ['map', (w) => w.map(6), '*12\r\n', '%6\r\n'],
    ['set', (w) => w.set(2), '*2\r\n', '~2\r\n'],
    ['push', (w) => w.push(3), '*3\r\n', '>3\r\n'],
    ['attribute', (w) => w.attribute(1), '|1\r\n', '|1\r\n'],
    ['double', (w) => w.double(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
    ['zero', (w) => w.double(0), '$1\r\n0\r\n', ',0\r\n'],
    ['minus zero', (w) => w.double(-0), '$2\r\n-0\r\n', ',-0\r\n'],
    ['negative double', (w) => w.double(-120), '$4\r\n-120\r\n', ',-120\r\n'],
    ['infinity', (w) => w.double(Number.NEGATIVE_INFINITY), '$4\r\n-inf\r\n', ',-inf\r\n'],
    ['nan', (w) => w.double(Number.NaN), '$3\r\nnan\r\n', ',nan\r\n'],
    ['whole double', (w) => w.double(1e15), '$16\r\n1000000000000000\r\n', ',1000000000000000\r\n'],
    ['true', (w) => w.bool(true), ':1\r\n', '#t\r\n'],
    ['false', (w) => w.bool(false), ':0\r\n', '#f\r\n'],
    [
      'verbatim',
      (w) => w.verbatim('\u00e9', 'txt'),
      '$2\r\n\xc3\xa9\r\n',
      '=6\r\ntxt:\xc3\xa9\r\n',
    ],
    ['big number', (w) => w.bigNumber('123'), '$3\r\n123\r\n', '(123\r\n'],
  ])('%s', (_, write, resp2, resp3) => {
    expect(reply(false, write)).toBe(resp2);
    expect(reply(true, write)).toBe(resp3);
  });

  test('bulk strings of every length, at every place, from shared memory', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(1 << 17));
    for (let i = 0; i < shared.length; i++) shared[i] = (i * 31 + (i >> 8)) & 0xff;
    const lengths = fc.oneof(
      fc.nat(300),
      fc.constantFrom(9, 10, 63, 64, 65, 99, 100, 999, 1000, 70_000),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1000), lengths), { maxLength: 8 }), (ranges) => {
        const writer = new ReplyWriter(32);
        let expected = '';
        for (const [start, length] of ranges) {
          const data = Buffer.from(shared.subarray(start, start + length)).toString('latin1');
          writer.bulk(shared, start, start + length);
          writer.bulkHeader(length);
          writer.rawRange(shared, start, start + length);
          writer.crlf();
          expected += `$${length}\r\n${data}\r\n`.repeat(2);
        }
        expect(written(writer)).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe('aggregates of unknown size', () => {
  test('nest, with any number of digits', () => {
    const sizes = [0, 1, 9, 10, 99, 100, 1000, 12345];
    for (const outer of sizes) {
      const writer = new ReplyWriter(16);
      writer.resp3 = true;
      writer.ok();
      const mark = writer.deferArray();
      for (const inner of sizes) {
        const innerMark = writer.deferArray();
        writer.integer(inner);
        writer.finishMap(innerMark, inner);
      }
      const setMark = writer.deferArray();
      writer.finishSet(setMark, 7);
      writer.finishArray(mark, outer);
      writer.ok();
      const body = sizes.map((inner) => `%${inner}\r\n:${inner}\r\n`).join('');
      expect(written(writer)).toBe(`+OK\r\n*${outer}\r\n${body}~7\r\n+OK\r\n`);
    }
  });

  test('are arrays in RESP2', () => {
    const write = (w: ReplyWriter) => {
      const map = w.deferArray();
      const set = w.deferArray();
      w.finishSet(set, 3);
      w.finishMap(map, 5);
    };
    expect(reply(false, write)).toBe('*10\r\n*3\r\n');
  });
});

describe('the buffer', () => {
  test('takes replies back', () => {
    const writer = new ReplyWriter(16);
    writer.ok();
    const mark = writer.length;
    writer.bulkText('x'.repeat(1000));
    writer.truncate(mark);
    writer.integer(1);
    expect(written(writer)).toBe('+OK\r\n:1\r\n');
  });

  test('grows for a huge reply and shrinks after it', () => {
    const writer = new ReplyWriter(1024);
    writer.bulkLatin1('x'.repeat(100_000));
    expect(writer.length).toBe(100_000 + 11);
    writer.clear();
    expect(writer.buf.length).toBe(1024);
    writer.bulkLatin1('x'.repeat(5000));
    writer.clear();
    expect(writer.buf.length).toBe(8192);
    writer.ok();
    expect(written(writer)).toBe('+OK\r\n');
  });
});

describe('the error catalogue', () => {
  test.each(Object.keys(ERRORS) as ErrorName[])('%s is one line with a code', (name) => {
    expect(ERRORS[name]).toMatch(/^[A-Z]+ [\x20-\x7e]+$/);
    expect(Buffer.from(ERROR_BYTES[name]).toString()).toBe(`-${ERRORS[name]}\r\n`);
  });
});

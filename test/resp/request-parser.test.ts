import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_PARSER_LIMITS,
  PARSE_COMPLETE,
  PARSE_ERROR,
  PARSE_MORE,
  type ParserLimits,
  ParseState,
  RequestParser,
} from '../../src/resp/request-parser.ts';
import { latin1, multibulk } from './real-redis.ts';
import { type Outcome, referenceParse } from './reference-parser.ts';
import { mutatedStreams, streams } from './request-streams.ts';

/** Small enough for generated streams to cross them. */
const SMALL: ParserLimits = { maxBulkLength: 200, maxMultibulk: 40, maxInline: 30 };

/**
 * Feeds a stream in pieces cut at `cuts`, as a connection does: bytes of an incomplete command
 * stay, at another place of another buffer.
 */
function feed(
  stream: string,
  cuts: number[],
  limits: ParserLimits,
  authenticated: boolean,
  parser = new RequestParser(limits),
): Outcome {
  const state = new ParseState();
  const commands: string[][] = [];
  const bytes = latin1(stream);
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  let consumed = 0;
  for (const [turn, place] of places.sort((a, b) => a - b).entries()) {
    const shift = turn % 3;
    const buf = new Uint8Array(shift + place - consumed + 2).fill(0x0d);
    buf.set(bytes.subarray(consumed, place), shift);
    const end = buf.length - 2;
    let at = shift;
    for (;;) {
      const result = parser.parse(buf, at, end, state, authenticated);
      consumed += parser.next - at;
      at = parser.next;
      if (result === PARSE_ERROR) return { commands, error: parser.error };
      if (result === PARSE_MORE) break;
      const args = parser.args;
      commands.push(Array.from({ length: args.count }, (_, i) => args.text(i)));
    }
  }
  return { commands, error: null };
}

function whole(stream: string, limits: ParserLimits = DEFAULT_PARSER_LIMITS): Outcome {
  return feed(stream, [], limits, true);
}

function failure(error: string): Outcome {
  return { commands: [], error: 'Protocol error: ' + error };
}

describe('complete commands', () => {
  test.each<[string, string[][]]>([
    ['*1\r\n$4\r\nPING\r\n', [['PING']]],
    [multibulk('SET', 'key', 'a\r\nb\0c'), [['SET', 'key', 'a\r\nb\0c']]],
    [
      multibulk('GET', '') + multibulk('ECHO', 'x'.repeat(100)),
      [
        ['GET', ''],
        ['ECHO', 'x'.repeat(100)],
      ],
    ],
    ['*0\r\n*-1\r\n\r\n\n*-5\r\nPING\r\n', [['PING']]],
    ['*1\rx$4\rxPINGxx', [['PING']]],
    ['PING\n  set  k \t"a b"\r\n', [['PING'], ['set', 'k', 'a b']]],
    ['x "\\x41\\n\\"" \'it\\\'s \\n\'\n', [['x', 'A\n"', "it's \\n"]]],
    ['a"b c" ""\n', [['ab c', '']]],
    [
      multibulk(...Array.from({ length: 300 }, (_, i) => `arg${i}`)),
      [Array.from({ length: 300 }, (_, i) => `arg${i}`)],
    ],
  ])('%j', (stream, commands) => {
    expect(whole(stream)).toEqual({ commands, error: null });
  });
});

describe('protocol errors', () => {
  const inlineMax = DEFAULT_PARSER_LIMITS.maxInline;
  test.each<[string, string]>([
    ['*x\r\n', 'invalid multibulk length'],
    ['*01\r\n', 'invalid multibulk length'],
    ['*2147483648\r\n', 'invalid multibulk length'],
    ['*99999999999999999999\r\n', 'invalid multibulk length'],
    ['*1\r\n#3\r\n', "expected '$', got '#'"],
    ['*1\r\n\r\r\n', "expected '$', got ' '"],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$536870913\r\n', 'invalid bulk length'],
    ['*1\r\n$+3\r\n', 'invalid bulk length'],
    ['x "a\r\n', 'unbalanced quotes in request'],
    ['x "a"b\r\n', 'unbalanced quotes in request'],
    ['a'.repeat(inlineMax + 1), 'too big inline request'],
    ['*' + '1'.repeat(inlineMax), 'too big mbulk count string'],
    ['*1\r\n$' + '1'.repeat(inlineMax), 'too big bulk count string'],
    ['*1\r\n$3\0\r\n' + 'x'.repeat(inlineMax), 'too big bulk count string'],
  ])('%.40j', (stream, error) => {
    expect(whole(stream)).toEqual(failure(error));
  });

  test.each<[string]>([
    ['a'.repeat(inlineMax)],
    ['PING\0\r\n'],
    ['*' + '1'.repeat(inlineMax - 1)],
    ['*2147483647\r\n'],
    ['*1\r\n$536870912\r\n'],
    ['*1\r\n#'],
    ['*1\r\n$3\r\nabc\r'],
  ])('%.40j is incomplete', (stream) => {
    expect(whole(stream)).toEqual({ commands: [], error: null });
  });

  test('before authentication: 10 arguments, 16384 bytes', () => {
    const big = multibulk('x', 'y'.repeat(16384));
    const ten = multibulk(...'abcdefghij');
    expect(feed(big + ten, [], DEFAULT_PARSER_LIMITS, false).commands).toHaveLength(2);
    const eleven = feed('*11\r\n', [], DEFAULT_PARSER_LIMITS, false);
    expect(eleven).toEqual(failure('unauthenticated multibulk length'));
    const long = feed('*1\r\n$16385\r\n', [], DEFAULT_PARSER_LIMITS, false);
    expect(long).toEqual(failure('unauthenticated bulk length'));
  });
});

describe('incomplete commands', () => {
  test('what is needed is known, and lengths declared allocate nothing', () => {
    const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
    const state = new ParseState();
    const bytes = latin1('*1000000\r\n$500000000\r\nx');
    expect(parser.parse(bytes, 0, bytes.length, state, true)).toBe(PARSE_MORE);
    expect(state.need).toBe(bytes.length - 1 + 500_000_000 + 2);
    expect(state.offset).toBeNull();
    expect(parser.args.offset.length).toBe(64);
    expect(parser.args.buf).toBe(bytes);
  });

  test('a command of many arguments in many pieces is read once', () => {
    const args = Array.from({ length: 200_000 }, (_, i) => String(i));
    const bulks = args.map((arg) => `$${arg.length}\r\n${arg}\r\n`);
    const bytes = latin1(`*${args.length}\r\n${bulks.join('')}`);
    const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
    const state = new ParseState();
    let result = PARSE_MORE;
    for (let end = 0; end < bytes.length; end = Math.min(end + 200, bytes.length)) {
      result = parser.parse(bytes, 0, end, state, true);
      expect(result).toBe(PARSE_MORE);
    }
    result = parser.parse(bytes, 0, bytes.length, state, true);
    expect(result).toBe(PARSE_COMPLETE);
    expect(parser.args.count).toBe(args.length);
    for (let i = 0; i < args.length; i += 997) expect(parser.args.toInt(i)).toBe(i);
    state.dropFinished();
    expect(state).toEqual(new ParseState());
    parser.parse(latin1('*1\r\n$1\r\nx\r\n'), 0, 11, state, true);
    expect(parser.args.offset.length).toBe(8192);
  });

  test('two connections in turn do not mix', () => {
    const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
    const one = latin1(multibulk(...Array.from({ length: 40 }, (_, i) => `one${i}`)));
    const two = latin1(multibulk(...Array.from({ length: 90 }, (_, i) => `two${i}`)));
    const states = [new ParseState(), new ParseState()];
    for (let end = 1; end < one.length; end++) {
      expect(parser.parse(one, 0, end, states[0]!, true)).toBe(PARSE_MORE);
      expect(parser.parse(two, 0, end, states[1]!, true)).toBe(PARSE_MORE);
    }
    expect(parser.parse(one, 0, one.length, states[0]!, true)).toBe(PARSE_COMPLETE);
    expect(parser.args.count).toBe(40);
    expect(parser.args.text(0) + parser.args.text(39)).toBe('one0one39');
    expect(parser.parse(two, 0, two.length, states[1]!, true)).toBe(PARSE_COMPLETE);
    expect(parser.args.text(0) + parser.args.text(89)).toBe('two0two89');
  });
});

describe('any stream, cut anywhere', () => {
  const cuts = fc.array(fc.nat(2000), { maxLength: 12 });

  test('random and mutated streams give what the reference parser gives', () => {
    const parser = new RequestParser(SMALL);
    const stream = fc.oneof(streams, mutatedStreams);
    fc.assert(
      fc.property(stream, cuts, fc.boolean(), (text, places, authenticated) => {
        const expected = referenceParse(text, SMALL, authenticated);
        expect(feed(text, places, SMALL, authenticated, parser)).toEqual(expected);
      }),
      { numRuns: 6000 },
    );
  });

  test('byte by byte', () => {
    fc.assert(
      fc.property(fc.oneof(streams, mutatedStreams), (text) => {
        const places = Array.from({ length: text.length }, (_, i) => i);
        expect(feed(text, places, SMALL, true)).toEqual(referenceParse(text, SMALL, true));
      }),
      { numRuns: 500 },
    );
  });
});

describe('ArgView', () => {
  test('compares without regard to case, letters only', () => {
    const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
    const bytes = latin1(multibulk('gEt', '-17', '{x}', 'geT1'));
    parser.parse(bytes, 0, bytes.length, new ParseState(), true);
    expect(parser.args.equalsIgnoreCase(0, latin1('GET'))).toBe(true);
    expect(parser.args.equalsIgnoreCase(3, latin1('GET'))).toBe(false);
    expect(parser.args.equalsIgnoreCase(2, latin1('[X]'))).toBe(false);
    expect(parser.args.toInt(1)).toBe(-17);
    expect(parser.args.toInt(0)).toBeNaN();
  });
});

/** The parser and the error catalogue against a real redis-server: same bytes, same answers. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ERRORS,
  helloOption,
  invalidExpire,
  subscribedContext,
  unknownCommand,
  unknownConfigOption,
  unknownSubcommand,
  wrongArity,
} from '../../src/resp/errors.ts';
import { ReplyWriter } from '../../src/resp/reply-writer.ts';
import {
  type ArgView,
  DEFAULT_PARSER_LIMITS,
  PARSE_COMPLETE,
  PARSE_ERROR,
  ParseState,
  RequestParser,
} from '../../src/resp/request-parser.ts';
import { latin1, multibulk, RealRedis, redisInstalled } from './real-redis.ts';
import { mutatedStreams, streams } from './request-streams.ts';

const PASSWORD = 'secret';

/** What Redis answers to ECHO, PING and names that are no command. */
function answer(args: ArgView, authenticated: boolean, reply: ReplyWriter): void {
  const name = args.text(0).split('\0')[0]!.toLowerCase();
  const count = args.count;
  const known = (name === 'echo' || name === 'ping') && args.text(0).length === 4;
  if (!known) {
    const rest = Array.from({ length: count - 1 }, (_, i) => args.text(i + 1));
    reply.error(unknownCommand(args.text(0), rest));
  } else if (name === 'echo' && count !== 2) {
    reply.error(wrongArity(name));
  } else if (!authenticated) {
    reply.error(ERRORS.NO_AUTH);
  } else if (count > 2) {
    reply.error(wrongArity(name));
  } else if (count === 2) {
    reply.bulk(args.buf, args.offset[1]!, args.end(1));
  } else {
    reply.simple('PONG');
  }
}

function simulate(stream: string, authenticated: boolean): { text: string; closed: boolean } {
  const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
  const reply = new ReplyWriter(64);
  const bytes = latin1(stream);
  const state = new ParseState();
  let result = parser.parse(bytes, 0, bytes.length, state, authenticated);
  while (result === PARSE_COMPLETE) {
    answer(parser.args, authenticated, reply);
    result = parser.parse(bytes, parser.next, bytes.length, state, authenticated);
  }
  if (result === PARSE_ERROR) reply.error('ERR ' + parser.error);
  const text = Buffer.from(reply.buf.subarray(0, reply.length)).toString('latin1');
  return { text, closed: result === PARSE_ERROR };
}

describe.skipIf(!redisInstalled)('like redis-server', () => {
  const redis = new RealRedis('--requirepass', PASSWORD);
  const login = multibulk('AUTH', PASSWORD);

  beforeAll(() => redis.ready());
  afterAll(() => redis.stop());

  test.each([
    '*x\r\n',
    '*01\r\n',
    '*-0\r\n',
    '*\r\n',
    '*2147483648\r\n',
    '*9223372036854775808\r\n',
    '*11\r\n',
    '*1\r\n#3\r\n',
    '*1\r\n\r\r\n',
    '*1\r\n\n\r\n',
    '*1\r\n\xff\r\n',
    '*1\r\n$-1\r\n',
    '*1\r\n$536870913\r\n',
    '*1\r\n$16385\r\n',
    '*1\r\n$ 3\r\n',
    'x "a\r\n',
    "x 'a'b\r\n",
    'a'.repeat(65537),
    '*' + '1'.repeat(65536),
    '*1\r\n$' + '1'.repeat(65536),
    '*1\r\n$3\0\r\n' + 'x'.repeat(65536),
    'PING\0\r\n' + 'x'.repeat(65536),
  ])('%.40j: same error line, and the connection is closed', async (stream) => {
    for (const authenticated of [true, false]) {
      const ours = simulate(stream, authenticated);
      // These two are only errors before authentication; after it the server waits for more.
      if (!ours.closed && authenticated) continue;
      expect(ours.closed).toBe(true);
      const sent = (authenticated ? login : '') + stream;
      const theirs = await redis.exchange(latin1(sent), false);
      expect(theirs).toBe((authenticated ? '+OK\r\n' : '') + ours.text);
    }
  });

  test('random and mutated streams', async () => {
    const property = fc.asyncProperty(
      fc.oneof(streams, mutatedStreams),
      fc.boolean(),
      async (stream, authenticated) => {
        const ours = simulate(stream, authenticated);
        const sent = (authenticated ? login : '') + stream;
        const theirs = await redis.exchange(latin1(sent), true);
        expect(theirs).toBe((authenticated ? '+OK\r\n' : '') + ours.text);
      },
    );
    await fc.assert(property, { numRuns: 1500 });
  });

  test('unknown commands are shown cut', async () => {
    const word = fc.string({ unit: fc.constantFrom(...'ab\0\r\n \xe9'), maxLength: 12 });
    const argument = fc.tuple(word, fc.nat(20)).map(([text, times]) => text.repeat(times));
    const property = fc.asyncProperty(fc.array(argument, { maxLength: 30 }), async (args) => {
      const stream = multibulk('no' + (args[0] ?? ''), ...args);
      const theirs = await redis.exchange(latin1(login + stream), true);
      expect(theirs).toBe('+OK\r\n' + simulate(stream, true).text);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test('texts of the catalogue', async () => {
    const table: [string[], string][] = [
      [['INCR', 'text'], ERRORS.NOT_INTEGER],
      [['INCR', 'most'], ERRORS.OVERFLOW],
      [['DECRBY', 'k', '-9223372036854775808'], ERRORS.DECREMENT_OVERFLOW],
      [['INCRBYFLOAT', 'k', 'x'], ERRORS.NOT_FLOAT],
      [['INCRBYFLOAT', 'k', 'inf'], ERRORS.NAN_OR_INFINITY],
      [['GET', 'list'], ERRORS.WRONG_TYPE],
      [['RENAME', 'none', 'k'], ERRORS.NO_SUCH_KEY],
      [['SETRANGE', 'k', '-1', 'x'], ERRORS.OFFSET_OUT_OF_RANGE],
      [['SETRANGE', 'k', '536870912', 'x'], ERRORS.STRING_TOO_LONG],
      [['LSET', 'list', '9', 'x'], ERRORS.INDEX_OUT_OF_RANGE],
      [['LPOP', 'list', '-1'], ERRORS.NOT_POSITIVE],
      [['COPY', 'text', 'text'], ERRORS.SAME_OBJECT],
      [['MOVE', 'text', '0'], ERRORS.SAME_OBJECT],
      [['MOVE', 'text', '99'], ERRORS.DB_OUT_OF_RANGE],
      [['SELECT', '99'], ERRORS.DB_OUT_OF_RANGE],
      [['SELECT', 'x'], ERRORS.NOT_INTEGER],
      [['SWAPDB', 'x', '1'], ERRORS.INVALID_FIRST_DB_INDEX],
      [['SWAPDB', '1', 'x'], ERRORS.INVALID_SECOND_DB_INDEX],
      [['SCAN', 'x'], ERRORS.INVALID_CURSOR],
      [['SETBIT', 'k', '-1', '1'], ERRORS.BIT_OFFSET],
      [['SETBIT', 'k', '1', '2'], ERRORS.BIT_VALUE],
      [['BITPOS', 'text', '2'], ERRORS.BIT_ARGUMENT],
      [['BITOP', 'NOT', 'd', 'a', 'b'], ERRORS.BITOP_NOT_ONE_KEY],
      [['BITFIELD', 'k', 'GET', 'u64', '0'], ERRORS.BITFIELD_TYPE],
      [['BITFIELD', 'k', 'OVERFLOW', 'x'], ERRORS.BITFIELD_OVERFLOW],
      [['BITFIELD_RO', 'k', 'SET', 'u8', '0', '1'], ERRORS.BITFIELD_RO_ONLY_GET],
      [['EXPIRE', 'text', '1', 'NX', 'XX'], ERRORS.EXPIRE_NX_AND_OTHERS],
      [['EXPIRE', 'text', '1', 'GT', 'LT'], ERRORS.EXPIRE_GT_AND_LT],
      [['OBJECT', 'FREQ', 'text'], ERRORS.LFU_NOT_SELECTED],
      [['LCS', 'text', 'list'], ERRORS.LCS_NOT_STRINGS],
      [['LCS', 'text', 'text', 'LEN', 'IDX'], ERRORS.LCS_LEN_AND_IDX],
      [['AUTH', 'x'], ERRORS.WRONG_PASSWORD],
      [['HELLO', '4'], ERRORS.NO_PROTO],
      [['HELLO', 'x'], ERRORS.PROTO_NOT_INTEGER],
      [['CLIENT', 'SETNAME', 'a b'], ERRORS.CLIENT_NAME],
      [['CLIENT', 'KILL', '1.2.3.4:5'], ERRORS.NO_SUCH_CLIENT],
      [['CLIENT', 'KILL', 'ID', '0'], ERRORS.CLIENT_ID_POSITIVE],
      [['EXEC'], ERRORS.EXEC_WITHOUT_MULTI],
      [['DISCARD'], ERRORS.DISCARD_WITHOUT_MULTI],
      [['EVALSHA', 'x', '0'], ERRORS.NO_SCRIPT],
      [['SCRIPT', 'KILL'], ERRORS.NOT_BUSY],
      [['COMMAND', 'GETKEYS', 'nope', 'x'], ERRORS.INVALID_COMMAND],
      [['COMMAND', 'GETKEYS', 'PING', 'x'], ERRORS.NO_KEY_ARGUMENTS],
      [['COMMAND', 'GETKEYS', 'GET', 'a', 'b'], ERRORS.INVALID_COMMAND_ARGUMENTS],
      [['CONFIG', 'REWRITE'], ERRORS.CONFIG_FILE_NONE],
      [['CLUSTER', 'INFO'], ERRORS.CLUSTER_DISABLED],
      [['BLPOP', 'k', 'x'], ERRORS.TIMEOUT_NOT_FLOAT],
      [['BLPOP', 'k', '-1'], ERRORS.TIMEOUT_NEGATIVE],
      [['WAIT', '0', 'x'], ERRORS.TIMEOUT_NOT_INTEGER],
      [['ZCOUNT', 'k', 'x', '1'], ERRORS.MIN_MAX_NOT_FLOAT],
      [['SET', 'k', 'v', 'EX', '0'], invalidExpire('set')],
      [['CLIENT', 'KILL'], wrongArity('client|kill')],
      [['CLIENT', 'nope'], unknownSubcommand('CLIENT', 'nope')],
      [['DEBUG', 'JMAP'], ERRORS.DEBUG_NOT_ALLOWED],
      [['HELLO', '2', 'nope'], helloOption('nope')],
      [['CONFIG', 'SET', 'nope', 'x'], unknownConfigOption('nope')],
      [['MULTI'], 'OK'],
      [['MULTI'], ERRORS.NESTED_MULTI],
      [['WATCH', 'k'], ERRORS.WATCH_IN_MULTI],
      [['nope'], unknownCommand('nope', [])],
      [['EXEC'], ERRORS.EXEC_ABORT],
    ];
    const setup =
      multibulk('SET', 'text', 'x') +
      multibulk('SET', 'most', '9223372036854775807') +
      multibulk('RPUSH', 'list', 'x');
    const stream = login + setup + table.map(([args]) => multibulk(...args)).join('');
    const theirs = (await redis.exchange(latin1(stream), true)).split('\r\n').slice(4, -1);
    expect(theirs).toEqual(table.map(([, text]) => (text === 'OK' ? '+OK' : '-' + text)));
    const subscribed = login + multibulk('SUBSCRIBE', 'c') + multibulk('GET', 'k');
    const last = (await redis.exchange(latin1(subscribed), true)).split('\r\n').at(-2);
    expect(last).toBe('-' + subscribedContext('get'));
  });
});

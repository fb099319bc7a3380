/** Request framing: one complete command per call, as in a pipeline. Nanoseconds per command. */
import type { Bench } from 'tinybench';
import {
  DEFAULT_PARSER_LIMITS,
  PARSE_COMPLETE,
  ParseState,
  RequestParser,
} from '../../src/resp/request-parser.ts';

/** Commands per task run, so that the harness's own cost per run does not show. */
const BATCH = 1000;

function commandBytes(...args: string[]): Uint8Array {
  const text = args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('');
  return Uint8Array.from(Buffer.from(`*${args.length}\r\n${text}`.repeat(BATCH)));
}

export default function addTasks(bench: Bench): void {
  const key = 'key:000000000042';
  const inline = Uint8Array.from(Buffer.from(`SET ${key} "xxx"\r\n`.repeat(BATCH)));
  const streams: [string, Uint8Array][] = [
    ['GET', commandBytes('GET', key)],
    ['SET of 3 bytes', commandBytes('SET', key, 'xxx')],
    ['SET of 1000 bytes', commandBytes('SET', key, 'x'.repeat(1000))],
    ['MGET of 100', commandBytes('MGET', ...Array.from({ length: 100 }, () => key))],
    ['inline SET', inline],
  ];
  const parser = new RequestParser(DEFAULT_PARSER_LIMITS);
  const state = new ParseState();
  for (const [name, bytes] of streams) {
    bench.add(`parser: ${name}, x${BATCH}`, () => {
      let at = 0;
      while (at < bytes.length) {
        if (parser.parse(bytes, at, bytes.length, state, true) !== PARSE_COMPLETE) {
          throw new Error('incomplete');
        }
        at = parser.next;
      }
    });
  }
}

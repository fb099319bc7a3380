/** Generators of request streams, well-formed and damaged; one character per byte. */
import fc from 'fast-check';
import { multibulk } from './real-redis.ts';

const byte = fc.nat(255).map((code) => String.fromCharCode(code));
const argument = fc.oneof(
  fc.constantFrom('ECHO', 'echo', 'PING', 'nope', '', '12', 'x'.repeat(99), 'y'.repeat(150)),
  fc.string({ unit: fc.oneof(byte, fc.constantFrom('\r', '\n', '$', '*')), maxLength: 12 }),
);
const bulkCommand = fc.array(argument, { minLength: 1, maxLength: 4 });
const longCommand = fc
  .array(fc.constantFrom('a', 'bc', ''), { minLength: 9, maxLength: 45 })
  .map((args) => ['PING', ...args]);
const inlineText = fc.string({
  unit: fc.constantFrom(...'abx4 1\\"\' \t\v\r', 'ECHO ', '\\x4', '"', "'", '\\x0a'),
  maxLength: 12,
});
const lineEnd = fc.constantFrom('\r\n', '\n', '\r\n', '\0\r\n');
const inlineCommand = fc
  .tuple(inlineText, lineEnd)
  .map(([text, end]) => (text.startsWith('*') ? 'x' : '') + text + end);
const junk = fc.constantFrom(
  '*0\r\n',
  '*-1\r\n',
  '\r\n',
  '*1\r\n',
  '*2\r\n$4\r\nECHO\r\n$',
  '*x\r\n',
  '*1\r\n$-1\r\n',
  '*1\r\n$07\r\n',
  '*1\r\n$201\r\n',
  '*41\r\n',
  '*1\r\n:3\r\n',
  '*9999999999999999999\r\n',
  '*' + '1'.repeat(35),
  '\0',
);

/** Commands in both forms, now and then something that is none. */
export const streams = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: bulkCommand.map((args) => multibulk(...args)) },
      { weight: 2, arbitrary: longCommand.map((args) => multibulk(...args)) },
      { weight: 3, arbitrary: inlineCommand },
      { weight: 2, arbitrary: junk },
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

/** The same with single bytes replaced, removed or inserted. */
export const mutatedStreams = fc
  .tuple(
    streams,
    fc.array(
      fc.tuple(fc.nat(), fc.nat(2), fc.oneof(byte, fc.constantFrom(...'*$\r\n0123456789-"'))),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([text, mutations]) => {
    for (const [place, kind, replacement] of mutations) {
      const at = place % (text.length + 1);
      const removed = kind === 0 ? 0 : 1;
      text = text.slice(0, at) + (kind === 2 ? '' : replacement) + text.slice(at + removed);
    }
    return text;
  });

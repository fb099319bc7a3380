import { expect, test } from 'vitest';
import { ReplyTally } from '../../src/resp/reply-tally.ts';

const REPLIES = [
  '+OK\r\n',
  ':-12\r\n',
  '$-1\r\n',
  '$0\r\n\r\n',
  '$5\r\n-ERR \r\n',
  '*0\r\n',
  '*-1\r\n',
  '*2\r\n*2\r\n:1\r\n$1\r\n-\r\n*0\r\n',
];

function tally(text: string, piece: number): ReplyTally {
  const bytes = Buffer.from(text, 'latin1');
  const result = new ReplyTally();
  for (let at = 0; at < bytes.length; at += piece) {
    result.push(bytes, at, Math.min(bytes.length, at + piece));
  }
  return result;
}

test('counts replies in pieces of any size', () => {
  const text = REPLIES.join('');
  for (let piece = 1; piece <= text.length; piece++) {
    const { count, error } = tally(text, piece);
    expect([count, error]).toEqual([REPLIES.length, null]);
  }
});

test('finds the first error, within an array, too', () => {
  for (let piece = 1; piece <= 30; piece++) {
    const { count, error, errorIndex } = tally('+OK\r\n*2\r\n:1\r\n-ERR no\r\n-X\r\n', piece);
    expect([count, error, errorIndex]).toEqual([3, 'ERR no', 1]);
  }
});

/** DEBUG PROTOCOL: a sample of every reply type, for tests of clients. */
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { SessionContext } from './spec.ts';

function threeIntegers(reply: ReplyWriter): void {
  for (let i = 0; i < 3; i++) reply.integer(i);
}

/** Attributes precede a reply; a client that does not ask for RESP3 gets the reply alone. */
function attribute(reply: ReplyWriter): void {
  if (reply.resp3) {
    reply.attribute(1);
    reply.bulkLatin1('key-popularity');
    reply.array(2);
    reply.bulkLatin1('key:123');
    reply.integer(90);
  }
  reply.bulkLatin1('Some real reply following the attribute');
}

/**
 * A push message is no reply, so one follows: a client that drops the message still gets its
 * answer.
 */
function push(reply: ReplyWriter): void {
  if (!reply.resp3) {
    reply.errorBytes(ERROR_BYTES.RESP2_NOT_SUPPORTED);
    return;
  }
  reply.push(2);
  reply.bulkLatin1('server-cpu-usage');
  reply.integer(42);
  reply.bulkLatin1('Some real reply following the push reply');
}

const SAMPLES: ReadonlyMap<string, (reply: ReplyWriter) => void> = new Map([
  ['string', (reply: ReplyWriter) => reply.bulkLatin1('Hello World')],
  ['integer', (reply: ReplyWriter) => reply.integer(12345)],
  ['double', (reply: ReplyWriter) => reply.double(3141 / 1000)],
  ['bignum', (reply: ReplyWriter) => reply.bigNumber('1234567999999999999999999999999999999')],
  ['null', (reply: ReplyWriter) => reply.null()],
  [
    'array',
    (reply: ReplyWriter) => {
      reply.array(3);
      threeIntegers(reply);
    },
  ],
  [
    'set',
    (reply: ReplyWriter) => {
      reply.set(3);
      threeIntegers(reply);
    },
  ],
  [
    'map',
    (reply: ReplyWriter) => {
      reply.map(3);
      for (let i = 0; i < 3; i++) {
        reply.integer(i);
        reply.bool(i === 1);
      }
    },
  ],
  ['attrib', attribute],
  ['push', push],
  ['verbatim', (reply: ReplyWriter) => reply.verbatim('This is a verbatim\nstring', 'txt')],
  ['true', (reply: ReplyWriter) => reply.bool(true)],
  ['false', (reply: ReplyWriter) => reply.bool(false)],
]);

export function cmdProtocol(ctx: SessionContext): void {
  const sample = SAMPLES.get(ctx.text(2).toLowerCase());
  if (sample === undefined) ctx.reply.errorBytes(ERROR_BYTES.PROTOCOL_TYPE_NAME);
  else sample(ctx.reply);
}

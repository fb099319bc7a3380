/** Sorted sets: members and scores as replies. */
import type { ScoredVisitor } from '../keyspace/zset-value.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';

const NO_REPLY = new ReplyWriter(64);

/**
 * Writes members, alone or with their scores, in the order in which they are visited. One for each
 * thread, pointed at one reply after the other, so that a single member costs no closure.
 */
export class ScoredReply {
  #reply = NO_REPLY;
  #withScores = false;
  #isNested = false;

  /** Writes a header for `count` members: pairs are arrays in RESP3, and flat in RESP2. */
  begin(reply: ReplyWriter, count: number, withScores: boolean): void {
    if (reply.resp3) this.#open(reply, count, withScores, withScores);
    else this.#open(reply, withScores ? count * 2 : count, withScores, false);
  }

  /** The same with scores, flat in both protocols. */
  beginFlat(reply: ReplyWriter, count: number): void {
    this.#open(reply, count * 2, true, false);
  }

  /** The same with scores, in arrays of two in both protocols. */
  beginNested(reply: ReplyWriter, count: number): void {
    this.#open(reply, count, true, true);
  }

  /** The same with scores, flat, in an array that was begun. */
  continue(reply: ReplyWriter): void {
    this.#reply = reply;
    this.#withScores = true;
    this.#isNested = false;
  }

  #open(reply: ReplyWriter, elements: number, withScores: boolean, isNested: boolean): void {
    this.#reply = reply;
    this.#withScores = withScores;
    this.#isNested = isNested;
    reply.array(elements);
  }

  /** Writes one member. */
  readonly visit: ScoredVisitor = (buf, from, to, score) => {
    const reply = this.#reply;
    if (this.#isNested) reply.array(2);
    reply.bulk(buf, from, to);
    if (this.#withScores) reply.double(score);
  };
}

/** The writer of this thread. */
export const scoredReply = new ScoredReply();

import { expect, test } from 'vitest';
import { Arena } from '../../src/memory/arena.ts';
import { createPostbox, type Letter, Mailbox, NO_BYTES, Post } from '../../src/server/post.ts';
import { Spill } from '../../src/server/spill.ts';
import { DoorbellRinger } from '../../src/sync/doorbell.ts';
import { withRandom } from '../support/random.ts';

/** A postbox with `senders` threads that write to it. */
function postOffice(senders: number) {
  const words = new Int32Array(new SharedArrayBuffer(1024));
  const spill = new Spill(Arena.create(64 * 1024 * 1024, 64).buffer, words, 32);
  const buffer = createPostbox();
  let rings = 0;
  const ringer = new DoorbellRinger(words, 0, () => {
    rings += 1;
  });
  const posts = Array.from({ length: senders }, () => new Post([buffer], [ringer], spill));
  const mailbox = new Mailbox(buffer, spill);
  return { posts, mailbox, words, rings: () => rings };
}

test('letters of any size arrive whole and in order, however full the ring', async () => {
  await withRandom(async (random) => {
    const { posts, mailbox } = postOffice(3);
    const sent: string[][] = [[], [], []];
    const got: string[][] = [[], [], []];
    mailbox.on(1, (letter: Letter) => {
      const head = Buffer.from(letter.buf.slice(letter.start, letter.middle)).toString();
      const body = letter.buf.subarray(letter.middle, letter.end);
      expect(body.every((byte) => byte === (letter.b & 0xff))).toBe(true);
      const { conn, generation, a, b, gate } = letter;
      got[a]!.push([conn, generation, b, gate, head, body.length].join(' '));
    });
    for (let step = 0; step < 3000; step++) {
      const sender = random.below(3);
      const b = sent[sender]!.length;
      const size = random.oneIn(20) ? random.below(200_000) : random.below(300);
      const gate = random.oneIn(3) ? random.below(2 ** 31) * 4096 : 0;
      const head = Buffer.from(`h${random.below(1000)}`);
      const body = new Uint8Array(size + 2).fill(b & 0xff);
      const parts = [
        { buf: head, from: 0, to: head.length },
        size === 0 ? NO_BYTES : { buf: body, from: 1, to: size + 1 },
      ] as const;
      posts[sender]!.send(1, 1, step, step + 1, sender, b, gate, parts[0], parts[1]);
      sent[sender]!.push([step, step + 1, b, gate, head, size].join(' '));
      if (random.oneIn(50)) posts[sender]!.flush();
      if (random.oneIn(30)) mailbox.drain();
    }
    for (let round = 0; posts.some((post) => post.isWaiting) || round < 2; round++) {
      for (const post of posts) post.flush();
      while (!mailbox.drain());
    }
    expect(got).toEqual(sent);
  });
});

test('who sends more than is received is told to wait, and loses nothing', () => {
  const { posts, mailbox } = postOffice(2);
  const [post, other] = posts as [Post, Post];
  const got: number[] = [];
  mailbox.on(1, (letter) => got.push(letter.a));
  const bytes = new Uint8Array(30_000);
  let sent = 0;
  while (!post.isCrowded) {
    post.send(1, 1, 0, 0, sent++, 0, 0, { buf: bytes, from: 0, to: bytes.length }, NO_BYTES);
    expect(sent * bytes.length).toBeLessThan(8 * 1024 * 1024);
  }
  expect(post.isWaiting).toBe(true);
  expect([other.isWaiting, other.isCrowded]).toEqual([false, false]);
  post.flush();
  expect(post.isCrowded).toBe(true);
  let pauses = 0;
  post.untilRoom(() => {
    pauses += 1;
    mailbox.drain();
    return true;
  });
  expect(pauses).toBeGreaterThan(0);
  expect([post.isWaiting, post.isCrowded]).toEqual([true, false]);
  while (post.isWaiting) {
    mailbox.drain();
    post.flush();
  }
  while (!mailbox.drain());
  expect(got).toEqual(Array.from({ length: sent }, (_, i) => i));
  post.untilRoom(() => {
    throw new Error('there is room');
  });
});

test('the receiver is rung once a turn, and only by who has written', () => {
  const { posts, words, rings } = postOffice(2);
  words[0] = 1;
  posts[1]!.flush();
  expect(rings()).toBe(0);
  posts[0]!.send(1, 1, 0, 0, 0, 0, 0, NO_BYTES, NO_BYTES);
  posts[0]!.send(1, 1, 0, 0, 0, 0, 0, NO_BYTES, NO_BYTES);
  expect(rings()).toBe(0);
  posts[0]!.flush();
  posts[0]!.flush();
  expect(rings()).toBe(1);
});

test('a letter that nobody handles is an error', () => {
  const { posts, mailbox } = postOffice(1);
  posts[0]!.send(1, 2, 0, 0, 0, 0, 0, NO_BYTES, NO_BYTES);
  expect(() => mailbox.drain()).toThrow('nobody handles');
});

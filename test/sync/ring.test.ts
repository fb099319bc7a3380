import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRing, RingConsumer, RingProducer, ringBytes } from '../../src/sync/ring.ts';

const HEAD_WORD = 16;
const TAIL_WORD = 32;
const OFFSET = 64;

/** An empty ring whose counters stand at `start`, as after so many bytes. */
function newRing(capacity: number, start: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(OFFSET + ringBytes(capacity));
  formatRing(buffer, OFFSET, capacity);
  const words = new Uint32Array(buffer, OFFSET);
  words[HEAD_WORD] = start;
  words[TAIL_WORD] = start;
  return buffer;
}

/** Bytes of a frame, from the diagram in the file: length word and payload, in multiples of 8. */
function frameOf(payloadBytes: number): number {
  return Math.ceil((4 + payloadBytes) / 8) * 8;
}

/**
 * A ring beside a plain queue that knows, from the file's diagrams, how many bytes of the ring are
 * taken.
 */
class Model {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  readonly #capacity: number;
  /** Committed payloads that the consumer has not taken, the published ones first. */
  readonly #queue: number[][] = [];
  #published = 0;
  /** Bytes from the tail that the consumer last released to the head, and to what it has taken. */
  #used = 0;
  #taken = 0;
  #position: number;
  readonly #frames: number[] = [];
  #seed = 0;

  constructor(capacity: number, start: number) {
    const buffer = newRing(capacity, start);
    this.producer = new RingProducer(buffer, OFFSET);
    this.consumer = new RingConsumer(buffer, OFFSET);
    this.#capacity = capacity;
    this.#position = start % capacity;
  }

  produce(reserved: number, committed: number): boolean {
    const toEnd = this.#capacity - this.#position;
    const skipped = frameOf(reserved) > toEnd ? toEnd : 0;
    const hasRoom = this.#used + skipped + frameOf(reserved) <= this.#capacity;
    expect(this.producer.reserve(reserved)).toBe(hasRoom);
    if (!hasRoom) return false;
    const payload = Array.from({ length: committed }, (_, i) => (this.#seed + i * 7) & 0xff);
    this.#seed += committed + 1;
    this.producer.u8.set(payload, this.producer.offset);
    this.producer.commit(committed);
    this.#queue.push(payload);
    this.#frames.push(skipped + frameOf(committed));
    this.#used += skipped + frameOf(committed);
    this.#position = (this.#position + skipped + frameOf(committed)) % this.#capacity;
    return true;
  }

  publish(): void {
    this.producer.publish();
    this.#published = this.#queue.length;
  }

  consume(): void {
    expect(this.consumer.isEmpty()).toBe(this.#published === 0);
    expect(this.consumer.next()).toBe(this.#published !== 0);
    if (this.#published === 0) return;
    this.#published -= 1;
    const { u8, offset, length } = this.consumer;
    expect(Array.from(u8.subarray(offset, offset + length))).toEqual(this.#queue.shift());
    this.#taken += this.#frames.shift()!;
  }

  release(): void {
    this.consumer.release();
    this.#used -= this.#taken;
    this.#taken = 0;
  }
}

type Step = ['produce', number, number] | ['publish'] | ['consume', number] | ['release'];

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('produce'), fc.nat(), fc.nat()) },
  { weight: 2, arbitrary: fc.constant<Step>(['publish']) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('consume'), fc.integer({ min: 1, max: 5 })) },
  { weight: 2, arbitrary: fc.constant<Step>(['release']) },
);

const startArbitrary = fc
  .oneof(fc.constant(0), fc.integer({ min: 0xffff_f000, max: 0xffff_ffff }), fc.nat())
  .map((start) => (start & ~7) >>> 0);

function play(model: Model, steps: readonly Step[]): void {
  const max = model.producer.payloadBytesMax;
  for (const step of steps) {
    if (step[0] === 'produce') {
      const sizes = [0, max, step[1] % (max + 1), step[1] % (Math.floor(max / 8) + 1)];
      const reserved = sizes[step[2] % sizes.length]!;
      model.produce(reserved, step[2] % 3 === 0 ? Math.floor(reserved / 2) : reserved);
    } else if (step[0] === 'publish') model.publish();
    else if (step[0] === 'consume') for (let i = 0; i < step[1]; i++) model.consume();
    else model.release();
  }
}

describe('ring against a queue', () => {
  it.each([32, 64, 256, 4096])('capacity %i', (capacity) => {
    fc.assert(
      fc.property(startArbitrary, fc.array(stepArbitrary, { maxLength: 120 }), (start, steps) => {
        play(new Model(capacity, start), steps);
      }),
      { numRuns: 600 },
    );
  });

  it('takes payloads of all sizes around and around, over the wrap of the counters', () => {
    const model = new Model(256, 0xffff_ff00);
    for (let i = 0; i < 2000; i++) {
      expect(model.produce(i % (model.producer.payloadBytesMax + 1), 0)).toBe(true);
      model.publish();
      model.consume();
      model.release();
    }
  });

  it('takes back an abandoned reserve', () => {
    const model = new Model(256, 232);
    expect(model.producer.reserve(56)).toBe(true);
    model.publish();
    model.consume();
    expect(model.produce(8, 8)).toBe(true);
    model.publish();
    model.consume();
    model.consume();
  });
});

describe('ring: what is refused', () => {
  it('a capacity that is no power of two, a buffer without a ring, a payload too large', () => {
    expect(() => formatRing(new SharedArrayBuffer(4096), 0, 96)).toThrow('power of two');
    expect(() => new RingProducer(new SharedArrayBuffer(4096), 0)).toThrow('no ring');
    expect(() => new RingConsumer(new SharedArrayBuffer(4096), 64)).toThrow('no ring');
    const producer = new RingProducer(newRing(256, 0), OFFSET);
    expect(producer.reserve(producer.payloadBytesMax)).toBe(true);
    expect(() => producer.reserve(producer.payloadBytesMax + 1)).toThrow('payloadBytesMax');
  });
});

describe('ring between two threads', () => {
  it('passes a million messages in order and unchanged', async () => {
    const buffer = newRing(1 << 14, 0xffff_0000);
    const url = new URL('./ring-worker.ts', import.meta.url);
    const messages = 1_000_000;
    const workers = ['producer', 'consumer'].map(
      (role) => new Worker(url, { workerData: { buffer, offset: OFFSET, role, messages } }),
    );
    const [sent, received] = await Promise.all(
      workers.map(async (worker) => (await once(worker, 'message'))[0]),
    );
    expect(received).toEqual(sent);
    expect(sent.count).toBe(messages);
  });
});

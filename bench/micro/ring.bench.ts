import type { Bench } from 'tinybench';
import { Doorbell, DoorbellRinger } from '../../src/sync/doorbell.ts';
import { release, tryLease } from '../../src/sync/lock-word.ts';
import { formatRing, RingConsumer, RingProducer, ringBytes } from '../../src/sync/ring.ts';

const BATCH = 1024;
const CAPACITY = 1 << 16;
const PAYLOAD_BYTES = 64;

/**
 * What threads share, on one thread: the cost of the instructions without that of moving cache
 * lines.
 */
export default function ringBench(bench: Bench): void {
  addRing(bench, 1);
  addRing(bench, 32);
  const words = new Int32Array(new SharedArrayBuffer(128));
  bench.add(`lock word: lease + release, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) {
      if (!tryLease(words, 0, 1)) throw new Error('ring bench: the word is taken');
      release(words, 0);
    }
  });
  const bell = new Doorbell(words, 16);
  const ringer = new DoorbellRinger(words, 16, null);
  bench.add(`doorbell: ring of a running thread, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) ringer.ring();
  });
  bench.add(`doorbell: prepare + awake, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) {
      bell.prepare();
      bell.awake();
    }
  });
}

/** Messages through a ring, published and released every `batch`. */
function addRing(bench: Bench, batch: number): void {
  const buffer = new SharedArrayBuffer(ringBytes(CAPACITY));
  formatRing(buffer, 0, CAPACITY);
  const producer = new RingProducer(buffer, 0);
  const consumer = new RingConsumer(buffer, 0);
  const name = `ring: ${PAYLOAD_BYTES} bytes, published by ${batch}, one word written and read`;
  bench.add(`${name}, x${BATCH}`, () => {
    let sum = 0;
    for (let sent = 0; sent < BATCH; sent += batch) {
      for (let i = 0; i < batch; i++) {
        if (!producer.reserve(PAYLOAD_BYTES)) throw new Error('ring bench: the ring is full');
        producer.u32[producer.offset >>> 2] = i;
        producer.commit(PAYLOAD_BYTES);
      }
      producer.publish();
      while (consumer.next()) sum += consumer.u32[consumer.offset >>> 2]!;
      consumer.release();
    }
    return sum;
  });
}

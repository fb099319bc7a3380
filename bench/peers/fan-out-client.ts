/**
 * Pub/sub fan-out: `fan-out-client.ts PORT SECONDS SUBSCRIBERS BATCH`. One client publishes to a
 * channel in pipelines of BATCH messages, as long as no subscriber is more than a few pipelines
 * behind. Writes how many messages arrived in a second, over all subscribers.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeCommand, RawConnection } from './raw-connection.ts';

const WARM_UP_MS = 500;
const BATCHES_AHEAD = 10;
const CHANNEL = 'news';
const PAYLOAD = 'm'.repeat(32);
/** All messages are alike: they are counted by their bytes. */
const MESSAGE_BYTES = `*3\r\n$7\r\nmessage\r\n$4\r\n${CHANNEL}\r\n$32\r\n${PAYLOAD}\r\n`.length;

const [port, seconds, subscribers, batch] = process.argv.slice(2).map(Number) as [
  ...[number, number, number, number],
];
/** Bytes received by each subscriber. */
const received = new Float64Array(subscribers);
let onArrival: () => void = () => undefined;

async function subscribe(index: number): Promise<void> {
  // One buffer for all: nothing of a message is looked at.
  const socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer: Buffer.allocUnsafe(256 * 1024),
      callback: (bytes) => {
        received[index]! += bytes;
        onArrival();
        return true;
      },
    },
  });
  await once(socket, 'connect');
  const confirmation = `*3\r\n$9\r\nsubscribe\r\n$4\r\n${CHANNEL}\r\n:1\r\n`.length;
  socket.write(encodeCommand(['SUBSCRIBE', CHANNEL]));
  await new Promise<void>((resolve) => {
    onArrival = () => {
      if (received[index]! >= confirmation) resolve();
    };
  });
  received[index] = 0;
}

function slowest(): number {
  return received.reduce((least, bytes) => Math.min(least, bytes)) / MESSAGE_BYTES;
}

for (let i = 0; i < subscribers; i++) await subscribe(i);
onArrival = () => undefined;
const publisher = await RawConnection.open(port);
const publish = encodeCommand(['PUBLISH', CHANNEL, PAYLOAD]);
const pipeline = Buffer.concat(Array.from({ length: batch }, () => publish));
let sent = 0;
const delivered = (): number => received.reduce((sum, bytes) => sum + bytes) / MESSAGE_BYTES;

async function publishFor(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (sent - slowest() > batch * BATCHES_AHEAD) {
      await new Promise<void>((resolve) => {
        onArrival = () => {
          if (sent - slowest() <= batch * BATCHES_AHEAD) resolve();
        };
      });
      onArrival = () => undefined;
    }
    await publisher.discard(pipeline);
    sent += batch;
  }
}

await publishFor(WARM_UP_MS);
const before = delivered();
const start = performance.now();
await publishFor(seconds * 1000);
const perSecond = ((delivered() - before) * 1000) / (performance.now() - start);
process.stdout.write(`${JSON.stringify(perSecond)}\n`);
process.exit(0);

/**
 * Blocking ping-pong: `ping-pong-client.ts PORT SECONDS PAIRS`. The two clients of a pair push to
 * each other's list and wait for their own by BRPOP. Writes how many elements were handed over in a
 * second, over all pairs.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeCommand, RawConnection } from './raw-connection.ts';

const WARM_UP_MS = 500;
/** What begins the reply of BRPOP, and nothing else here. */
const ARRAY = 0x2a;

const [port, seconds, pairs] = process.argv.slice(2).map(Number) as [...[number, number, number]];
let handed = 0;

async function player(own: string, other: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  const turn = Buffer.concat([
    encodeCommand(['LPUSH', other, 'ball']),
    encodeCommand(['BRPOP', own, '0']),
  ]);
  socket.on('data', (chunk: Buffer) => {
    for (let at = chunk.indexOf(ARRAY); at >= 0; at = chunk.indexOf(ARRAY, at + 1)) {
      handed += 1;
      socket.write(turn);
    }
  });
  socket.write(encodeCommand(['BRPOP', own, '0']));
}

for (let i = 0; i < pairs; i++) {
  await player(`left:${i}`, `right:${i}`);
  await player(`right:${i}`, `left:${i}`);
}
const starter = await RawConnection.open(port);
for (let i = 0; i < pairs; i++) await starter.command('LPUSH', `left:${i}`, 'ball');
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
await sleep(WARM_UP_MS);
const before = handed;
const start = performance.now();
await sleep(seconds * 1000);
const perSecond = ((handed - before) * 1000) / (performance.now() - start);
process.stdout.write(`${JSON.stringify(perSecond)}\n`);
process.exit(0);

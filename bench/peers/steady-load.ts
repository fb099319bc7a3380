/**
 * Steady load: `steady-load.ts PORT RATE KEYS VALUE_BYTES` sends RATE SETs a second over KEYS keys,
 * every millisecond its share and whatever is late, until its standard input closes. Writes how
 * many it sent when the first replies are there, and at the end.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf } from './data-set.ts';
import { encodeCommand } from './raw-connection.ts';

const [port, rate, keyCount, valueBytes] = process.argv.slice(2).map(Number) as [
  ...[number, number, number, number],
];
let isEnding = false;
process.stdin.on('end', () => {
  isEnding = true;
});
process.stdin.resume();

const socket = connect(port, '127.0.0.1');
await once(socket, 'connect');
socket.once('data', () => process.stdout.write('0\n'));
socket.on('data', (chunk: Buffer) => {
  if (chunk[0] === 0x2d) throw new Error(`SET: ${chunk.toString('latin1')}`);
});
const value = 'v'.repeat(valueBytes);
const start = performance.now();
let sent = 0;
while (!isEnding) {
  const due = Math.floor(((performance.now() - start) * rate) / 1000);
  const parts: Buffer[] = [];
  for (; sent < due; sent++) {
    const key = keyOf(Math.floor(Math.random() * keyCount));
    parts.push(encodeCommand(['SET', key, value]));
  }
  if (parts.length > 0) socket.write(Buffer.concat(parts));
  await sleep(1);
}
socket.destroy();
process.stdout.write(`${sent}\n`);

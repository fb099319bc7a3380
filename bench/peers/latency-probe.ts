/**
 * Latency probe: `latency-probe.ts PORT SECONDS KEYS [VALUE_BYTES]`. Runs until its standard input
 * closes where SECONDS is 0. Sends one GET per millisecond over four
 * connections in turn, whether or not earlier ones were answered: a stalled server cannot slow the
 * questions down, so a stall of 400 ms is 400 late answers and not one (coordinated omission).
 * Writes `{count, p50Ms, p99Ms, maxMs}`.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf, VALUE_LENGTH } from './data-set.ts';
import { encodeCommand } from './raw-connection.ts';

const CONNECTIONS = 4;
const WARM_UP_MS = 300;

interface Lane {
  readonly socket: Socket;
  readonly sentAt: number[];
  received: number;
}

const [port, seconds, keyCount, valueBytes = VALUE_LENGTH] = process.argv.slice(2).map(Number) as [
  ...[number, number, number],
  number?,
];
const REPLY_LENGTH = `$${valueBytes}\r\n`.length + valueBytes + 2;
const samples: number[] = [];
let isMeasuring = false;

async function openLane(): Promise<Lane> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  const lane: Lane = { socket, sentAt: [], received: 0 };
  socket.on('data', (chunk: Buffer) => {
    const now = performance.now();
    if (lane.received === 0 && chunk[0] !== 0x24)
      throw new Error(`GET: ${chunk.toString('latin1')}`);
    lane.received += chunk.length;
    for (; lane.received >= REPLY_LENGTH; lane.received -= REPLY_LENGTH) {
      const sent = lane.sentAt.shift()!;
      if (isMeasuring) samples.push(now - sent);
    }
  });
  return lane;
}

let isEnding = false;

async function ask(lanes: readonly Lane[], durationMs: number): Promise<void> {
  const start = performance.now();
  let sent = 0;
  for (;;) {
    const elapsed = performance.now() - start;
    if (elapsed >= durationMs || isEnding) break;
    // A probe that was itself late catches up; each question counts from when it left.
    for (; sent < elapsed; sent++) {
      const lane = lanes[sent % lanes.length]!;
      lane.sentAt.push(performance.now());
      lane.socket.write(encodeCommand(['GET', keyOf(Math.floor(Math.random() * keyCount))]));
    }
    await sleep(1);
  }
}

const lanes = await Promise.all(Array.from({ length: CONNECTIONS }, openLane));
await ask(lanes, WARM_UP_MS);
isMeasuring = true;
if (seconds === 0) {
  process.stdin.on('end', () => {
    isEnding = true;
  });
  process.stdin.resume();
}
await ask(lanes, seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000);
process.stdin.pause();
while (lanes.some((lane) => lane.sentAt.length > 0)) await sleep(5);
samples.sort((a, b) => a - b);
const at = (share: number): number => samples[Math.floor(share * (samples.length - 1))]!;
const report = { count: samples.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
process.stdout.write(`${JSON.stringify(report)}\n`);
for (const lane of lanes) lane.socket.destroy();

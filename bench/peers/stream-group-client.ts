/**
 * Consumers of groups: `stream-group-client.ts PORT SECONDS STREAMS ENTRIES`. One connection for
 * each stream reads entry after entry of its group and acknowledges it, sixteen commands in one
 * packet; at the end of the stream the group begins anew. Writes the commands done in a second.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeCommand, RawConnection } from './raw-connection.ts';
import { idOf } from './stream-data.ts';

const WARM_UP_MS = 500;
/** Entries of a packet, each read and acknowledged. */
const ENTRIES_PER_PACKET = 8;
/** Line ends in the reply to one XREADGROUP of an entry of two fields, and to XACK. */
const LINES_PER_ENTRY = 17 + 1;
const LF = 0x0a;

const [port, seconds, streams, entries] = process.argv.slice(2).map(Number) as [
  ...[number, number, number, number],
];
let done = 0;

/** A packet, and the line ends of its reply. */
interface Packet {
  readonly bytes: Buffer;
  readonly lines: number;
}

function packetsOf(key: string): readonly Packet[] {
  const packets: Packet[] = [];
  const read = encodeCommand(['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', key, '>']);
  for (let first = 0; first < entries; first += ENTRIES_PER_PACKET) {
    const parts = Array.from({ length: ENTRIES_PER_PACKET }, () => read);
    for (let i = 0; i < ENTRIES_PER_PACKET; i++) {
      parts.push(encodeCommand(['XACK', key, 'g', idOf(first + i)]));
    }
    const isLast = first + ENTRIES_PER_PACKET >= entries;
    if (isLast) parts.push(encodeCommand(['XGROUP', 'SETID', key, 'g', '0']));
    const lines = LINES_PER_ENTRY * ENTRIES_PER_PACKET + (isLast ? 1 : 0);
    packets.push({ bytes: Buffer.concat(parts), lines });
  }
  return packets;
}

async function consume(key: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  const packets = packetsOf(key);
  let next = 0;
  let left = 0;
  const send = (): void => {
    const packet = packets[next]!;
    next = (next + 1) % packets.length;
    left = packet.lines;
    socket.write(packet.bytes);
  };
  socket.on('data', (chunk: Buffer) => {
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) left -= 1;
    if (left < 0) throw new Error(`more lines than expected: ${chunk.toString('latin1')}`);
    if (left > 0) return;
    done += ENTRIES_PER_PACKET * 2;
    send();
  });
  send();
}

// A run before may have ended anywhere in a stream.
const setup = await RawConnection.open(port);
for (let i = 0; i < streams; i++) {
  await setup.command('XGROUP', 'DESTROY', `stream:${i}`, 'g');
  await setup.command('XGROUP', 'CREATE', `stream:${i}`, 'g', '0');
}
setup.close();
for (let i = 0; i < streams; i++) await consume(`stream:${i}`);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
await sleep(WARM_UP_MS);
const before = done;
const start = performance.now();
await sleep(seconds * 1000);
const perSecond = ((done - before) * 1000) / (performance.now() - start);
process.stdout.write(`${JSON.stringify(perSecond)}\n`);
process.exit(0);

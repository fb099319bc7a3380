/**
 * Idle connections: `idle-connections.ts PORT COUNT` opens COUNT connections and writes how many
 * are open. When its standard input closes it sends a PING on each and writes how many answered.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const BATCH = 200;
const ANSWER_TIMEOUT_MS = 20_000;
const [port, count] = process.argv.slice(2).map(Number) as [number, number];

async function open(): Promise<Socket | null> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    return null;
  }
}

async function answers(socket: Socket): Promise<boolean> {
  socket.write('PING\r\n');
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const [reply] = (await once(socket, 'data', { signal })) as [Buffer];
    return reply.toString('latin1') === '+PONG\r\n';
  } catch {
    return false;
  }
}

const sockets: Socket[] = [];
while (sockets.length < count) {
  const size = Math.min(BATCH, count - sockets.length);
  const opened = await Promise.all(Array.from({ length: size }, open));
  const good = opened.filter((socket) => socket !== null);
  sockets.push(...good);
  if (good.length < size) break;
}
process.stdout.write(`${sockets.length}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
let answered = 0;
for (let first = 0; first < sockets.length; first += BATCH) {
  const replies = await Promise.all(sockets.slice(first, first + BATCH).map(answers));
  answered += replies.filter((isGood) => isGood).length;
}
process.stdout.write(`${answered}\n`);
for (const socket of sockets) socket.destroy();

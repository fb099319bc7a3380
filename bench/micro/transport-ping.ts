/**
 * A PING server straight on a transport: what sockets cost without a database behind them.
 *
 *   node bench/micro/transport-ping.ts <port> [auto|node-net|uring]
 *
 * Answers `+PONG` for every request that starts with `*` at the beginning of a line; load it with
 * `redis-benchmark -p <port> -t ping_mbulk -c 50 -P 1`. Prints the transport's name when ready, and
 * the CPU time used so far on SIGUSR2. Ends on SIGTERM.
 */

import { createTransport, type TransportKind } from '../../src/transport/select.ts';
import type { Transport, TransportHandler } from '../../src/transport/transport.ts';

const NEWLINE = 10;
const STAR = 42;
const REPLIES_MAX = 1024;

const pong = Buffer.from('+PONG\r\n');
const replies = new Uint8Array(REPLIES_MAX * pong.length);
for (let i = 0; i < REPLIES_MAX; i++) replies.set(pong, i * pong.length);

const [port = '7777', kind = 'auto'] = process.argv.slice(2);
const state: { transport?: Transport } = {};

const handler: TransportHandler = {
  onOpen: () => true,
  onData(conn, buf, start, end) {
    let count = 0;
    let previous = NEWLINE;
    for (let i = start; i < end; i++) {
      const byte = buf[i]!;
      if (byte === STAR && previous === NEWLINE) count++;
      previous = byte;
    }
    for (; count > 0; count -= REPLIES_MAX) {
      state.transport!.send(conn, replies, 0, Math.min(count, REPLIES_MAX) * pong.length);
    }
  },
  onClose() {},
  onDrain() {},
  onWake() {},
  onTick() {},
  onTurnEnd() {},
};

const { transport, reason } = createTransport(kind as TransportKind, handler);
state.transport = transport;
process.on('SIGTERM', () => transport.stop());
process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage();
  console.log(`user ${user / 1e6} s, system ${system / 1e6} s`);
});
await transport.listen({
  bind: ['127.0.0.1'],
  port: Number(port),
  backlog: 511,
  reusePort: false,
  unixSocket: '',
  unixSocketPerm: 0,
  tcpKeepaliveSeconds: 300,
});
console.log(`${transport.name} on port ${port}: ${reason}`);
await transport.run();

import { expect, test } from 'vitest';
import { createTransport } from '../../src/transport/select.ts';
import type { TransportHandler } from '../../src/transport/transport.ts';
import { freePort } from './harness.ts';

const handler: TransportHandler = {
  onOpen: () => true,
  onData() {},
  onClose() {},
  onDrain() {},
  onWake() {},
  onTick() {},
  onTurnEnd() {},
};

test('node-net works everywhere', () => {
  const { transport, reason } = createTransport('node-net', handler);
  expect(transport.name).toBe('node-net');
  expect(transport.wakeFd).toBe(-1);
  expect(reason).toBe('as configured');
  transport.stop();
});

test('auto takes what works and says why', () => {
  const { transport, reason } = createTransport('auto', handler);
  expect(transport.wakeFd >= 0).toBe(transport.name === 'uring');
  expect(reason).not.toBe('');
  transport.stop();
});

test('a transport that never ran gives its port back', async () => {
  const port = await freePort();
  for (const kind of ['auto', 'node-net', 'auto'] as const) {
    const { transport } = createTransport(kind, handler);
    await transport.listen({
      bind: ['127.0.0.1'],
      port,
      backlog: 5,
      reusePort: false,
      unixSocket: '',
      unixSocketPerm: 0,
      tcpKeepaliveSeconds: 0,
    });
    transport.stop();
    await new Promise((resolve) => setImmediate(resolve));
  }
});

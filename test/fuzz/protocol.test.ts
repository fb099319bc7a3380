/** A short run of the protocol fuzzer; `npm run fuzz:protocol` runs it as long as wanted. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { startTessera } from '../support/tessera.ts';
import { FUZZ_OPTIONS, fuzzProtocol } from './protocol.ts';

const CONNECTIONS = 400;

test.each([
  ['auto', 'yes', '1'],
  ['node-net', 'no', '2'],
])('%s, lease %s, %s I/O threads', async (transport, lease, threads) => {
  const options = ['--transport', transport, '--lease', lease, '--io-threads', threads];
  const server = await startTessera([...FUZZ_OPTIONS, ...options]);
  try {
    await withRandom(async (random) => {
      await fuzzProtocol(server, random, 6, (connections) => connections < CONNECTIONS);
    });
  } finally {
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toContain('BUG REPORT');
  }
});

/**
 * Listeners of several threads share a port (SO_REUSEPORT), which lets another process of the same
 * user share it, too: two servers would answer in turn. So the port is tried alone first.
 */
import { createServer, isIPv6 } from 'node:net';
import { parseBindAddress, tcpListenError } from './endpoint.ts';

/** What a listener would say that finds the port taken on one of the addresses, or null. */
export async function portProblem(bind: readonly string[], port: number): Promise<string | null> {
  for (const word of bind) {
    const { text, host } = parseBindAddress(word);
    const error = await tryAddress(host, port);
    // Whatever else is wrong with an address, its listener will say.
    if (error?.code !== 'EADDRINUSE') continue;
    return tcpListenError(text, port, 'bind', error.code, error.errno ?? 0).message;
  }
  return null;
}

function tryAddress(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error));
    server.listen({ host, port, exclusive: true, ipv6Only: isIPv6(host) }, () => {
      server.close(() => resolve(null));
    });
  });
}

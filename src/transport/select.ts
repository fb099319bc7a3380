/** Chooses the transport of an I/O thread. */

import { NodeNetTransport } from './node-net.ts';
import type { Transport, TransportHandler } from './transport.ts';
import { type UringOptions, UringTransport } from './uring.ts';

/** `auto` takes io_uring where it works and `node:net` everywhere else. */
export type TransportKind = 'auto' | 'node-net' | 'uring';

export interface TransportOptions extends UringOptions {
  /** Limit of connections of this transport. */
  readonly connectionsMax?: number;
}

export interface ChosenTransport {
  readonly transport: Transport;
  /** One sentence for the log: why this one. */
  readonly reason: string;
}

/** Why io_uring cannot work on this machine, or undefined where it is worth a try. */
function uringObstacle(): string | undefined {
  if (process.platform !== 'linux') return `no io_uring on ${process.platform}`;
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `no io_uring on ${process.arch}`;
  if (process.getBuiltinModule('node:ffi') === undefined) return 'this Node has no node:ffi';
  return undefined;
}

/**
 * Makes the transport of the calling thread. Throws only where `kind` is `uring` and io_uring
 * cannot be used here; the message says why (a seccomp filter, an old kernel, a memory limit).
 */
export function createTransport(
  kind: TransportKind,
  handler: TransportHandler,
  options: TransportOptions = {},
): ChosenTransport {
  if (kind === 'node-net') {
    return { transport: new NodeNetTransport(handler, options), reason: 'as configured' };
  }
  let obstacle = uringObstacle();
  if (obstacle === undefined) {
    try {
      const transport = new UringTransport(handler, options);
      return { transport, reason: kind === 'uring' ? 'as configured' : 'io_uring works here' };
    } catch (error) {
      obstacle = error instanceof Error ? error.message : String(error);
    }
  }
  if (kind === 'uring') throw new Error(`The io_uring transport is not available: ${obstacle}`);
  return { transport: new NodeNetTransport(handler, options), reason: obstacle };
}

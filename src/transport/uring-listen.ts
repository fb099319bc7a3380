/**
 * Listening sockets and socket addresses for the io_uring transport.
 *
 * LAYOUT (sockaddr; the family is little endian, the port big endian)
 *   IPv4   +0 u16 family 2   +2 u16 port  +4 4 bytes address                        16 bytes
 *   IPv6   +0 u16 family 10  +2 u16 port  +4 u32 flow  +8 16 bytes address  +24 u32 scope
 *   Unix   +0 u16 family 1   +2 path, ended by a zero byte                     up to 110 bytes
 */

import { lookup } from 'node:dns/promises';
import { chmodSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import {
  type BindAddress,
  isSkippable,
  parseBindAddress,
  tcpEndpoint,
  tcpListenError,
  unixEndpoint,
  unixListenError,
} from './endpoint.ts';
import * as libc from './libc.ts';
import type { Endpoint, ListenOptions } from './transport.ts';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

const SOCKADDR_BYTES_MAX = 128;
const UNIX_PATH_BYTES_MAX = 107;
const KEEPALIVE_PROBES = 3;

/** An open listening socket. */
export interface Listener {
  readonly fd: number;
  /** Path to remove when it closes; empty for TCP. */
  readonly unixPath: string;
}

/** The 16 bytes of an IPv6 address in text form (no zone). */
export function ipv6Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [left = '', right] = text.split('::');
  const head = ipv6Groups(left);
  const tail = right === undefined ? [] : ipv6Groups(right);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

function ipv6Groups(text: string): number[] {
  const bytes: number[] = [];
  for (const group of text.split(':')) {
    if (group === '') continue;
    if (group.includes('.')) bytes.push(...group.split('.').map(Number));
    else bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255);
  }
  return bytes;
}

/** Text of the 16 bytes of an IPv6 address, the longest run of zero groups shortened. */
export function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      best = i;
      bestLength = end - i;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`;
}

function encodeIp(address: string, port: number): Uint8Array {
  const isV6 = isIP(address) === 6;
  const bytes = new Uint8Array(isV6 ? 28 : 16);
  bytes[0] = isV6 ? AF_INET6 : AF_INET;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  if (isV6) bytes.set(ipv6Bytes(address), 8);
  else bytes.set(address.split('.').map(Number), 4);
  return bytes;
}

function encodeUnix(path: string): Uint8Array {
  const text = Buffer.from(path);
  const bytes = new Uint8Array(2 + text.length + 1);
  bytes[0] = AF_UNIX;
  bytes.set(text, 2);
  return bytes;
}

const nameBytes = new Uint8Array(SOCKADDR_BYTES_MAX);
const nameLength = new Int32Array(1);

/** The peer's (or, with `local`, our) address of an accepted TCP socket. One system call. */
export function socketEndpoint(fd: number, local: boolean): Endpoint {
  const { getsockname, getpeername } = libc.libcFunctions();
  nameLength[0] = SOCKADDR_BYTES_MAX;
  const name = local ? getsockname : getpeername;
  if (name(fd, nameBytes, nameLength) !== 0) return tcpEndpoint('0.0.0.0', 0);
  const port = (nameBytes[2]! << 8) | nameBytes[3]!;
  if (nameBytes[0] === AF_INET6) return tcpEndpoint(ipv6Text(nameBytes.subarray(8, 24)), port);
  return tcpEndpoint(nameBytes.subarray(4, 8).join('.'), port);
}

const optionValue = new Int32Array(1);

function setOption(fd: number, level: number, option: number, value: number): boolean {
  optionValue[0] = value;
  return libc.libcFunctions().setsockopt(fd, level, option, optionValue, 4) === 0;
}

/** Options of a TCP listener; accepted sockets inherit all of them on Linux. */
function setTcpOptions(fd: number, isV6: boolean, options: ListenOptions): void {
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (isV6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  const interval = options.tcpKeepaliveSeconds;
  if (interval > 0) {
    setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, interval);
    setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, Math.max(1, Math.floor(interval / KEEPALIVE_PROBES)));
    setOption(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
  }
}

/** Opens, binds and listens. Calls `fail` (which throws) with the step that failed. */
function openSocket(
  name: Uint8Array,
  backlog: number,
  prepare: (fd: number) => void,
  fail: (step: string, errno: number) => Error,
): number {
  const { socket, bind, listen, close } = libc.libcFunctions();
  const fd = socket(name[0]!, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) throw fail('socket', libc.errno());
  prepare(fd);
  let step = 'bind';
  let failed = bind(fd, name, name.length) !== 0;
  if (!failed) {
    step = 'listen';
    failed = listen(fd, backlog) !== 0;
  }
  if (!failed) return fd;
  const errno = libc.errno();
  close(fd);
  throw fail(step, errno);
}

async function resolveHost(bind: BindAddress, port: number): Promise<string> {
  if (isIP(bind.host) !== 0) return bind.host;
  try {
    return (await lookup(bind.host)).address;
  } catch {
    throw tcpListenError(bind.text, port, 'lookup', 'ENOTFOUND', 0);
  }
}

async function openTcp(word: string, options: ListenOptions): Promise<Listener | undefined> {
  const bind = parseBindAddress(word);
  const { port, backlog, reusePort } = options;
  try {
    const ip = await resolveHost(bind, port);
    const prepare = (fd: number) => {
      setTcpOptions(fd, isIP(ip) === 6, options);
      if (reusePort) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    };
    const fd = openSocket(encodeIp(ip, port), backlog, prepare, (step, errno) =>
      tcpListenError(bind.text, port, step, libc.errnoName(errno), errno),
    );
    return { fd, unixPath: '' };
  } catch (error) {
    if (bind.optional && error instanceof Error && isSkippable(String(error.cause))) return;
    throw error;
  }
}

function openUnix(options: ListenOptions): Listener {
  const path = options.unixSocket;
  const fail = (step: string, errno: number) =>
    unixListenError(path, step, libc.errnoName(errno), errno);
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) throw fail('path too long', libc.EINVAL);
  // A socket file left by an earlier run would fail the bind.
  rmSync(path, { force: true });
  const fd = openSocket(encodeUnix(path), options.backlog, () => {}, fail);
  if (options.unixSocketPerm !== 0) chmodSync(path, options.unixSocketPerm);
  return { fd, unixPath: path };
}

/**
 * Opens every listener of `options`. Throws an Error that names the address and the reason; what
 * was opened until then is closed again.
 */
export async function openListeners(options: ListenOptions): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    if (options.port !== 0) {
      for (const word of options.bind) {
        const listener = await openTcp(word, options);
        if (listener !== undefined) listeners.push(listener);
      }
    }
    if (options.unixSocket !== '') listeners.push(openUnix(options));
  } catch (error) {
    for (const listener of listeners) closeListener(listener);
    throw error;
  }
  return listeners;
}

/** Closes the socket and removes a Unix socket's file. */
export function closeListener(listener: Listener): void {
  // shutdown ends a pending accept, which holds the socket open beyond its descriptor.
  libc.libcFunctions().shutdown(listener.fd, 2);
  libc.libcFunctions().close(listener.fd);
  if (listener.unixPath !== '') rmSync(listener.unixPath, { force: true });
}

/** The two ends of a connection that `listener` accepted as `fd`. */
export function acceptedPeer(listener: Listener, fd: number): Endpoint {
  return listener.unixPath !== '' ? unixEndpoint(listener.unixPath) : socketEndpoint(fd, false);
}

/** Our end of a connection that `listener` accepted as `fd`. */
export function acceptedLocal(listener: Listener, fd: number): Endpoint {
  return listener.unixPath !== '' ? unixEndpoint(listener.unixPath) : socketEndpoint(fd, true);
}

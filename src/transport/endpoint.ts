/**
 * Addresses as text, shared by the transports: what to bind, how an endpoint is printed, and the
 * wording of a listener's failure.
 */

import { isIPv6 } from 'node:net';
import { getSystemErrorMessage } from 'node:util';
import type { Endpoint } from './transport.ts';

/** One address of the `bind` setting. */
export interface BindAddress {
  /** As configured, without the leading `-`. */
  readonly text: string;
  /** IP address or host name to bind. */
  readonly host: string;
  /** True where a missing address family or interface is no error (leading `-`). */
  readonly optional: boolean;
}

/** Reads one word of the `bind` setting: `*` is all IPv4, `::*` all IPv6, `-` means optional. */
export function parseBindAddress(word: string): BindAddress {
  const optional = word.startsWith('-');
  const text = optional ? word.slice(1) : word;
  const host = text === '*' ? '0.0.0.0' : text === '::*' ? '::' : text;
  return { text, host, optional };
}

/** True for addresses of the loopback interface, IPv4-mapped ones included. */
export function isLoopbackAddress(ip: string): boolean {
  return ip === '::1' || ip.startsWith('127.') || ip.startsWith('::ffff:127.');
}

/** The endpoint `ip:port`; IPv6 in brackets. */
export function tcpEndpoint(ip: string, port: number): Endpoint {
  const text = isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
  return { kind: 'tcp', text, isLoopback: isLoopbackAddress(ip) };
}

/** The endpoint of a Unix socket at `path`. */
export function unixEndpoint(path: string): Endpoint {
  return { kind: 'unix', text: path, isLoopback: true };
}

const errorTexts: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'Address already in use'],
  ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  ['EACCES', 'Permission denied'],
  ['ENOENT', 'No such file or directory'],
  ['EMFILE', 'Too many open files'],
]);

const skippableCodes: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
  'ENOPROTOOPT',
  'ESOCKTNOSUPPORT',
  'EPFNOSUPPORT',
  'ENOTFOUND',
]);

/** True where an optional address that failed with `code` is skipped silently. */
export function isSkippable(code: string): boolean {
  return skippableCodes.has(code);
}

/** The error for a TCP listener that could not be opened. `step` is `bind`, `listen` and so on. */
export function tcpListenError(
  address: string,
  port: number,
  step: string,
  code: string,
  errno: number,
): Error {
  const at = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
  return new Error(
    `Could not create server TCP listening socket ${at}: ${step}: ${describe(code, errno)}`,
    { cause: code },
  );
}

/** The error for a Unix socket that could not be opened. */
export function unixListenError(path: string, step: string, code: string, errno: number): Error {
  return new Error(
    `Could not create server Unix listening socket ${path}: ${step}: ${describe(code, errno)}`,
    { cause: code },
  );
}

function describe(code: string, errno: number): string {
  return errorTexts.get(code) ?? getSystemErrorMessage(-Math.abs(errno)) ?? code;
}

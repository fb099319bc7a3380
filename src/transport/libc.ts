/**
 * The few C library functions that the io_uring transport needs, through Node's built-in
 * `node:ffi`.
 *
 * OWNERSHIP: every thread binds its own copy (function handles belong to one isolate); file
 * descriptors and addresses are valid in the whole process. Linux on x64 and arm64 only.
 *
 * COST: `io_uring_enter` is the only call made once per loop turn. Signatures with four or more
 * scalar arguments take Node's slowest wrapper (570 ns per getpid through `syscall`, of which
 * 170 ns are the system call); one `function` argument moves them to the shared-buffer path
 * (370 ns), which is why the last argument of `enter` is declared so.
 */

import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

type Ffi = typeof import('node:ffi');

export const EINTR = 4;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EBUSY = 16;
export const EINVAL = 22;
export const EMFILE = 24;
export const ENFILE = 23;
export const ECONNABORTED = 103;
export const ENOBUFS = 105;
export const ECANCELED = 125;

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_POPULATE = 0x8000;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_NORESERVE = 0x4000;
const MADV_DONTNEED = 4;
const MADV_HUGEPAGE = 14;
const MADV_NOHUGEPAGE = 15;
const HUGE_PAGE_BYTES = 2 * 1024 * 1024;
const MAP_FAILED = 0xffffffffffffffffn;
const EFD_CLOEXEC = 0o2000000;

/** Memory outside the JS heap at a known address; valid until the process ends. */
export interface Mapping {
  /** Address; exact, since user addresses are below 2^47 (2^48 on arm64). */
  readonly address: number;
  readonly buffer: ArrayBuffer;
}

function bind(ffi: Ffi) {
  const { functions: libc } = ffi.dlopen(null, {
    __errno_location: { arguments: [], return: 'pointer' },
    syscall: {
      arguments: ['int32', 'int32', 'uint32', 'uint32', 'uint32', 'function'],
      return: 'int32',
    },
    mmap: {
      arguments: ['pointer', 'uint64', 'int32', 'int32', 'int32', 'int64'],
      return: 'uint64',
    },
    getpagesize: { arguments: [], return: 'int32' },
    madvise: { arguments: ['uint64', 'uint64', 'int32'], return: 'int32' },
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    bind: { arguments: ['int32', 'pointer', 'uint32'], return: 'int32' },
    listen: { arguments: ['int32', 'int32'], return: 'int32' },
    setsockopt: {
      arguments: ['int32', 'int32', 'int32', 'pointer', 'uint32'],
      return: 'int32',
    },
    getsockname: { arguments: ['int32', 'pointer', 'pointer'], return: 'int32' },
    getpeername: { arguments: ['int32', 'pointer', 'pointer'], return: 'int32' },
    shutdown: { arguments: ['int32', 'int32'], return: 'int32' },
    close: { arguments: ['int32'], return: 'int32' },
    eventfd: { arguments: ['uint32', 'int32'], return: 'int32' },
    write: { arguments: ['int32', 'pointer', 'uint64'], return: 'int64' },
  });
  const { functions: wide } = ffi.dlopen(null, {
    syscall: {
      arguments: ['int64', 'int64', 'int64', 'int64', 'int64'],
      return: 'int64',
    },
  });
  const errnoWord = new Int32Array(ffi.toArrayBuffer(libc.__errno_location(), 4, false));
  return { ffi, libc, wideSyscall: wide.syscall, errnoWord };
}

let bound: ReturnType<typeof bind> | undefined;

function use(): ReturnType<typeof bind> {
  if (bound === undefined) {
    const ffi = process.getBuiltinModule('node:ffi');
    if (ffi === undefined) throw new Error('this Node has no node:ffi module');
    bound = bind(ffi);
  }
  return bound;
}

/** The calling thread's C functions, bound at the first call. Throws where `node:ffi` is absent. */
export function libcFunctions(): ReturnType<typeof bind>['libc'] {
  return use().libc;
}

/** `errno` of the last failed call of this thread. Read it before any other call. */
export function errno(): number {
  return use().errnoWord[0]!;
}

/** `EADDRINUSE` and the like for a positive errno. */
export function errnoName(code: number): string {
  return getSystemErrorName(-code);
}

/** The system's text for a positive errno, in libuv's spelling. */
export function errnoText(code: number): string {
  return getSystemErrorMessage(-code) ?? `error ${code}`;
}

/** A system call with 64-bit arguments (slow path; setup only). Returns the result or -errno. */
export function systemCall(nr: number, a: number, b: number, c: number, d: number): number {
  const { wideSyscall, errnoWord } = use();
  const result = Number(wideSyscall(BigInt(nr), BigInt(a), BigInt(b), BigInt(c), BigInt(d)));
  return result < 0 ? -errnoWord[0]! : result;
}

function map(bytes: number, flags: number, fd: number, offset: number): Mapping {
  const { ffi, libc, errnoWord } = use();
  const at = libc.mmap(0n, BigInt(bytes), PROT_READ_WRITE, flags, fd, BigInt(offset));
  if (at === MAP_FAILED) throw new Error(`mmap of ${bytes} bytes: ${errnoName(errnoWord[0]!)}`);
  return { address: Number(at), buffer: ffi.toArrayBuffer(at, bytes, false) };
}

/** Zeroed private memory, committed page by page on first touch. Throws where refused. */
export function mapMemory(bytes: number): Mapping {
  return map(bytes, MAP_PRIVATE_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/** Maps a part of a ring's memory. Throws where refused. */
export function mapRing(fd: number, bytes: number, offset: number): Mapping {
  return map(bytes, MAP_SHARED | MAP_POPULATE, fd, offset);
}

/** Gives the pages of a private mapping back to the system; its contents read as zeros after. */
export function discardMemory(mapping: Mapping): void {
  use().libc.madvise(BigInt(mapping.address), BigInt(mapping.buffer.byteLength), MADV_DONTNEED);
}

function mayAdvise(): boolean {
  return process.platform === 'linux' && process.getBuiltinModule('node:ffi') !== undefined;
}

/**
 * Gives pages of a shared buffer back to the system: whole pages within bytes
 * [offset, offset + length) read as zeros after. Null where this system, or its Node, cannot do it.
 * The buffer's own beginning need not be that of a page: up to a page stays at either end.
 *
 * Huge pages around them become small ones and stay so: otherwise the kernel would after a while
 * fill the gap to make them huge again.
 */
export function pageDiscarder(
  buffer: SharedArrayBuffer,
): ((offset: number, length: number) => void) | null {
  if (!mayAdvise()) return null;
  const { ffi, libc } = use();
  const base = Number(ffi.getRawPointer(new Uint8Array(buffer)));
  const first = Math.ceil(base / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  const last = Math.floor((base + buffer.byteLength) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  const pageBytes = libc.getpagesize();
  return (offset, length) => {
    const from = Math.ceil((base + offset) / pageBytes) * pageBytes;
    const to = Math.floor((base + offset + length) / pageBytes) * pageBytes;
    if (to <= from) return;
    libc.madvise(BigInt(from), BigInt(to - from), MADV_DONTNEED);
    const start = Math.max(first, Math.floor(from / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES);
    const end = Math.min(last, Math.ceil(to / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES);
    if (end > start) libc.madvise(BigInt(start), BigInt(end - start), MADV_NOHUGEPAGE);
  };
}

/**
 * Has the system back a shared buffer by huge pages from byte `offset` on, where it can: 512 times
 * fewer page faults as the buffer fills. Of use to all threads; no effect on what is there already.
 */
export function useHugePages(buffer: SharedArrayBuffer, offset: number): void {
  if (!mayAdvise()) return;
  const { ffi, libc } = use();
  const base = Number(ffi.getRawPointer(new Uint8Array(buffer)));
  const from = Math.ceil((base + offset) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  const to = Math.floor((base + buffer.byteLength) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  if (to > from) libc.madvise(BigInt(from), BigInt(to - from), MADV_HUGEPAGE);
}

/** Address of a buffer's memory: stable while the buffer is alive and not detached. */
export function addressOf(view: NodeJS.TypedArray<ArrayBuffer>): number {
  return Number(use().ffi.getRawPointer(view));
}

/** A new eventfd, counter 0. Throws where the process has no descriptors left. */
export function createEventfd(): number {
  const { libc, errnoWord } = use();
  const fd = libc.eventfd(0, EFD_CLOEXEC);
  if (fd < 0) throw new Error(`eventfd: ${errnoName(errnoWord[0]!)}`);
  return fd;
}

const one = new BigUint64Array([1n]);
let oneAddress = 0n;

/**
 * Wakes the loop that watches eventfd `fd` (`Transport.wakeFd`). Any thread may call it; one
 * system call, no allocation.
 */
export function ringEventfd(fd: number): void {
  const { ffi, libc } = use();
  if (oneAddress === 0n) oneAddress = ffi.getRawPointer(one);
  libc.write(fd, oneAddress, 8n);
}

/**
 * One io_uring instance: setup, the submission side, and the one system call of a loop turn.
 *
 * LAYOUT: see uring-abi.ts. The kernel's head/tail words are addressed as Int32Array elements of
 * the mapped ring memory.
 *
 * OWNERSHIP: the thread that opened the ring is the only one that touches it (SINGLE_ISSUER).
 * We own the submission tail and the completion head, the kernel the other two.
 *
 * ORDERING: the submission tail is stored with Atomics after the entries it covers; the completion
 * tail is loaded with Atomics before the entries it covers. One of each per turn.
 *
 * INVARIANT: 0 <= tail - kernel head <= entries. Entries are filled from number 0 again whenever
 * the kernel has taken all of them, so that a turn touches the same few cache lines.
 */

import * as libc from './libc.ts';
import * as abi from './uring-abi.ts';

const SYS_ENTER = abi.SYS_IO_URING_ENTER;
const SYS_YIELD = abi.SYS_SCHED_YIELD;
/** A turn that took this many completions was full: there is nothing to gather. */
const TAKEN_MAX = 64;
/** How long to look for completions before sleeping: less than it takes to wake a thread. */
const LOOK_MS = 0.01;
const LOOK_CREDIT_MAX = 8;
/** What a look in vain costs of the credit that each successful one adds one to. */
const LOOK_COST = 2;
/** Without credit, one wait in this many looks all the same. */
const LOOK_PAUSE = 64;
const SQ_CQ_OVERFLOW = abi.SQ_CQ_OVERFLOW;
const GETEVENTS = abi.ENTER_GETEVENTS;

/**
 * Flag sets, best first; a kernel refuses unknown flags with EINVAL. SINGLE_ISSUER came with
 * Linux 6.0, as did multishot receive: a kernel that refuses both sets is too old for us.
 */
const SETUP_FLAGS: readonly number[] = [
  abi.SETUP_SINGLE_ISSUER | abi.SETUP_SUBMIT_ALL | abi.SETUP_DEFER_TASKRUN | abi.SETUP_TASKRUN_FLAG,
  abi.SETUP_SINGLE_ISSUER | abi.SETUP_SUBMIT_ALL | abi.SETUP_COOP_TASKRUN | abi.SETUP_TASKRUN_FLAG,
];

const NEEDED_FEATURES =
  abi.FEAT_SINGLE_MMAP | abi.FEAT_NODROP | abi.FEAT_FAST_POLL | abi.FEAT_CQE_SKIP;

type EnterFunction = (
  nr: number,
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  signals: bigint,
) => number;

/** Calls io_uring_setup with the best flags this kernel takes. Returns the fd; fills `params`. */
function setup(params: Int32Array<ArrayBuffer>, sqEntries: number, cqEntries: number): number {
  let result = -libc.EINVAL;
  for (const flags of SETUP_FLAGS) {
    params.fill(0);
    params[abi.PARAM_FLAGS >> 2] = flags | abi.SETUP_CQSIZE | abi.SETUP_CLAMP;
    params[abi.PARAM_CQ_ENTRIES >> 2] = cqEntries;
    result = libc.systemCall(abi.SYS_IO_URING_SETUP, sqEntries, libc.addressOf(params), 0, 0);
    if (result !== -libc.EINVAL) break;
  }
  if (result === -libc.EINVAL) throw new Error('io_uring networking needs Linux 6.0 or later');
  if (result < 0) throw new Error(`io_uring_setup: ${libc.errnoName(-result)}`);
  return result;
}

export class Ring {
  readonly fd: number;
  /** Submission entries, 16 words each. */
  readonly sqes: Int32Array;
  /** Completion entries, 4 words each. */
  readonly cqes: Int32Array;
  readonly cqMask: number;
  /** Next completion to read; the owner advances it, `enter` publishes it. */
  cqHead: number;
  /** Whether `wait` lets other threads run first. */
  letsOthersRun = false;

  private readonly words: Int32Array;
  private readonly enterFunction: EnterFunction;
  private readonly sqHeadWord: number;
  private readonly sqTailWord: number;
  private readonly sqArrayWord: number;
  private readonly sqMask: number;
  private readonly sqEntries: number;
  private readonly sqFlagsWord: number;
  private readonly cqHeadWord: number;
  private readonly cqTailWord: number;
  private sqTail: number;
  private sqPending = 0;
  private nextEntry = 0;
  private waitedHead: number;
  /** 0..LOOK_CREDIT_MAX: whether looking before sleeping has paid lately. */
  private lookCredit = 0;
  private unlooked = 0;

  /** Opens a ring. Throws an Error that says why where io_uring cannot be used. */
  constructor(sqEntries: number, cqEntries: number) {
    const params = new Int32Array(abi.PARAMS_BYTES / 4);
    this.fd = setup(params, sqEntries, cqEntries);
    if ((params[abi.PARAM_FEATURES >> 2]! & NEEDED_FEATURES) !== NEEDED_FEATURES) {
      libc.libcFunctions().close(this.fd);
      throw new Error('this io_uring lacks a needed feature');
    }
    const sq = (offset: number) => params[(abi.PARAM_SQ_OFFSETS + offset) >> 2]!;
    const cq = (offset: number) => params[(abi.PARAM_CQ_OFFSETS + offset) >> 2]!;
    this.sqEntries = params[0]!;
    const cqCount = params[abi.PARAM_CQ_ENTRIES >> 2]!;
    const bytes = Math.max(
      sq(abi.OFF_SQ_ARRAY) + this.sqEntries * 4,
      cq(abi.OFF_CQ_CQES) + cqCount * abi.CQE_BYTES,
    );
    const rings = libc.mapRing(this.fd, bytes, abi.MMAP_OFFSET_RINGS);
    const entries = libc.mapRing(this.fd, this.sqEntries * abi.SQE_BYTES, abi.MMAP_OFFSET_SQES);
    this.words = new Int32Array(rings.buffer, 0, bytes >> 2);
    this.cqes = new Int32Array(rings.buffer, cq(abi.OFF_CQ_CQES), cqCount * 4);
    this.sqes = new Int32Array(entries.buffer);
    this.sqHeadWord = sq(abi.OFF_HEAD) >> 2;
    this.sqTailWord = sq(abi.OFF_TAIL) >> 2;
    this.sqArrayWord = sq(abi.OFF_SQ_ARRAY) >> 2;
    this.sqMask = this.words[sq(abi.OFF_MASK) >> 2]!;
    this.sqFlagsWord = sq(abi.OFF_SQ_FLAGS) >> 2;
    this.cqHeadWord = cq(abi.OFF_HEAD) >> 2;
    this.cqTailWord = cq(abi.OFF_TAIL) >> 2;
    this.cqMask = this.words[cq(abi.OFF_MASK) >> 2]!;
    this.sqTail = this.words[this.sqTailWord]!;
    this.cqHead = this.words[this.cqHeadWord]!;
    this.waitedHead = this.cqHead;
    this.enterFunction = libc.libcFunctions().syscall;
  }

  /**
   * Takes the next submission entry and returns its first word in `sqes`. The caller writes words
   * 0 to 11 (earlier contents are left there). Submits what is queued where the queue is full.
   */
  nextSqe(): number {
    if (this.sqPending === this.sqEntries) this.submitFull();
    const entry = this.nextEntry;
    this.nextEntry = (entry + 1) & this.sqMask;
    this.words[this.sqArrayWord + (this.sqTail & this.sqMask)] = entry;
    this.sqTail = (this.sqTail + 1) | 0;
    this.sqPending++;
    return entry << 4;
  }

  /** Submits what is queued, if anything, without waiting. */
  submit(): void {
    if (this.sqPending > 0) this.enter(0);
  }

  private submitFull(): void {
    for (let attempt = 0; attempt < 1000; attempt++) {
      this.enter(0);
      if (this.sqPending < this.sqEntries) return;
    }
    throw new Error('io_uring takes no submissions');
  }

  /**
   * Submits everything queued and waits for `minComplete` completions (0 = do not wait). Returns 0,
   * or the errno of a wait that was cut short (EINTR, EAGAIN, EBUSY). Throws on any other failure.
   */
  enter(minComplete: number): number {
    const words = this.words;
    Atomics.store(words, this.cqHeadWord, this.cqHead);
    Atomics.store(words, this.sqTailWord, this.sqTail);
    const submit = this.sqPending;
    const result = this.enterFunction(SYS_ENTER, this.fd, submit, minComplete, GETEVENTS, 0n);
    const code = result < 0 ? libc.errno() : 0;
    this.sqPending = (this.sqTail - Atomics.load(words, this.sqHeadWord)) | 0;
    if (this.sqPending === 0) this.nextEntry = 0;
    if (code !== 0 && code !== libc.EINTR && code !== libc.EAGAIN && code !== libc.EBUSY) {
      throw new Error(`io_uring_enter: ${libc.errnoName(code)}`);
    }
    return code;
  }

  /**
   * Submits everything queued and waits for a completion; returns as `enter` does.
   *
   * With `letsOthersRun`, and unless `isAlone`, other threads that could run do so in between:
   * where busy threads outnumber cores, clients then send what would otherwise wake this thread
   * piece by piece. Two I/O threads and two threads of redis-benchmark on two cores, unpipelined
   * GET: 57,000 requests a second with 13 us of CPU each and a p99 of 3 ms before, 73,000 to 80,000
   * with 5 us and 1.4 ms so. Elsewhere it costs a microsecond a turn.
   *
   * Otherwise it looks for a moment before it sleeps, as long as that pays: who sends to a thread
   * that sleeps has to wake it. One thread of redis-benchmark beside it: 47,500 unpipelined
   * requests a second before, 50,500 so; at pipeline 16 SPOP 558,000 and 599,000, GET 720,000 and
   * 762,000.
   */
  wait(isAlone: boolean): number {
    const taken = (this.cqHead - this.waitedHead) | 0;
    this.waitedHead = this.cqHead;
    if (this.letsOthersRun) {
      if (!isAlone && taken > 0 && taken < TAKEN_MAX) {
        this.enter(0);
        this.enterFunction(SYS_YIELD, 0, 0, 0, 0, 0n);
      }
    } else if (taken > 0 && this.mayLook() && this.look()) {
      return 0;
    }
    return this.enter(1);
  }

  /** True while looks find something; otherwise once in a while. */
  private mayLook(): boolean {
    if (this.lookCredit > 0) return true;
    this.unlooked = (this.unlooked + 1) % LOOK_PAUSE;
    return this.unlooked === 0;
  }

  /**
   * Submits everything queued and looks for completions, for LOOK_MS at most. True where there are
   * some. No system call before the kernel says that it has something.
   */
  private look(): boolean {
    this.enter(0);
    const end = performance.now() + LOOK_MS;
    do {
      if (this.hasKernelWork()) this.enter(0);
      if (this.completionTail() !== this.cqHead) {
        if (this.lookCredit < LOOK_CREDIT_MAX) this.lookCredit++;
        return true;
      }
    } while (performance.now() < end);
    this.lookCredit = Math.max(this.lookCredit - LOOK_COST, 0);
    return false;
  }

  /** True where `enter(0)` would complete something. */
  private hasKernelWork(): boolean {
    const flags = Atomics.load(this.words, this.sqFlagsWord);
    return (flags & (abi.SQ_TASKRUN | SQ_CQ_OVERFLOW)) !== 0;
  }

  /**
   * True where the kernel took every submission and holds no completion back for lack of room:
   * the completion queue then tells all that is known.
   */
  isSettled(): boolean {
    if (this.sqPending > 0) return false;
    return (Atomics.load(this.words, this.sqFlagsWord) & SQ_CQ_OVERFLOW) === 0;
  }

  /** The kernel's completion tail: entries from `cqHead` up to it are readable. */
  completionTail(): number {
    return Atomics.load(this.words, this.cqTailWord);
  }

  /** io_uring_register. Returns the result or -errno. */
  register(opcode: number, address: number, count: number): number {
    return libc.systemCall(abi.SYS_IO_URING_REGISTER, this.fd, opcode, address, count);
  }

  /** Closes the ring: the kernel cancels what is in flight. No method may be called afterwards. */
  close(): void {
    libc.libcFunctions().close(this.fd);
  }
}

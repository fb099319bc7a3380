/**
 * ParallelRuns: long reads that shard workers do together. The worker that runs the command holds
 * its shards and offers the parts of the work; workers with nothing else to do help with them, one
 * part at a time. Helpers only read what the holds keep as it is, and wait for nothing.
 *
 * LAYOUT of a job's block in spill memory (u32)
 *   0 kind     1 what is wanted of the members     2 words of the work: n
 *   3 ..       n words of the work                 (PartedWork.words)
 *   then       3 words a part: status, members found, ref of their output (0 = none is needed);
 *              a helper writes those of the parts that it has claimed
 *
 * LAYOUT of an output: the members one after the other
 *   u32 length | [f64 score] | bytes, padded to a multiple of 4
 *
 * LIMITS  A part whose output is longer than OUTPUT_BYTES_MAX, or finds no spill memory, is done
 *         again by the owner, and its helper leaves the job alone from then on.
 */

import { copyBytes } from '../base/bytes.ts';
import { WORK_READERS } from '../commands/parted-kinds.ts';
import {
  type PartedWork,
  type PartVisitor,
  WANTS_COUNT,
  WANTS_SCORES,
} from '../commands/parted-work.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { JOB_PARTS_MAX, JobBoard } from '../sync/job-board.ts';
import type { ShardLocks } from './shard-locks.ts';
import type { SharedLayout } from './shared-layout.ts';
import type { Spill } from './spill.ts';

const KIND = 0;
const WANTS = 1;
const WORDS = 2;
const HEAD_WORDS = 3;

const PART_WORDS = 3;
const STATUS = 0;
const MEMBERS = 1;
const OUTPUT = 2;

/** A helper has run the part; other values: the owner has to. */
const STATUS_DONE = 1;

const OUTPUT_BYTES_INITIAL = 64 * 1024;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const NO_BYTES = new Uint8Array(0);

/** What a helper finds in a part, before it is put into spill memory. */
class PartOutput {
  members = 0;
  length = 0;
  u8 = new Uint8Array(OUTPUT_BYTES_INITIAL);
  #u32 = new Uint32Array(this.u8.buffer);
  #wants = WANTS_COUNT;
  readonly #score = new Float64Array(1);
  readonly #scoreWords = new Uint32Array(this.#score.buffer);

  begin(wants: number): void {
    this.members = 0;
    this.length = 0;
    this.#wants = wants;
  }

  readonly add: PartVisitor = (buf, from, to, score) => {
    this.members += 1;
    if (this.#wants === WANTS_COUNT) return true;
    const start = this.length + (this.#wants === WANTS_SCORES ? 12 : 4);
    const end = start + ((to - from + 3) & ~3);
    if (end > this.u8.length && !this.#grow(end)) return false;
    this.#u32[this.length >>> 2] = to - from;
    if (this.#wants === WANTS_SCORES) {
      this.#score[0] = score;
      this.#u32[(this.length >>> 2) + 1] = this.#scoreWords[0]!;
      this.#u32[(this.length >>> 2) + 2] = this.#scoreWords[1]!;
    }
    copyBytes(this.u8, start, buf, from, to);
    this.length = end;
    return true;
  };

  #grow(bytes: number): boolean {
    if (bytes > OUTPUT_BYTES_MAX) return false;
    const grown = new Uint8Array(Math.min(OUTPUT_BYTES_MAX, Math.max(bytes, this.u8.length * 2)));
    grown.set(this.u8);
    this.u8 = grown;
    this.#u32 = new Uint32Array(grown.buffer);
    return true;
  }
}

export class ParallelRuns {
  readonly #shards: readonly Shard[];
  readonly #board: JobBoard;
  readonly #spill: Spill;
  readonly #ring: () => void;
  readonly #output = new PartOutput();
  /** The job that this thread helped with last, and its work. */
  #sequence = -1;
  #work: PartedWork | null = null;
  /** A job that this thread has no room to help with. */
  #givenUp = -1;
  readonly #score = new Float64Array(1);
  readonly #scoreWords = new Uint32Array(this.#score.buffer);

  /** `shards` are this thread's views, `ring` wakes the other workers. */
  constructor(shards: readonly Shard[], board: JobBoard, spill: Spill, ring: () => void) {
    this.#shards = shards;
    this.#board = board;
    this.#spill = spill;
    this.#ring = ring;
  }

  /** See CommandContext.inParallel. The caller holds all shards of `work` until this returns. */
  run(work: PartedWork, wants: number, visit: PartVisitor): boolean {
    const board = this.#board;
    const parts = work.parts.count;
    if (parts < 2 || parts > JOB_PARTS_MAX || !board.tryTake()) return false;
    const job = this.#writeJob(work, wants);
    if (job === 0) {
      board.release();
      return false;
    }
    board.open(job, parts);
    this.#ring();
    let isWanted = false;
    try {
      isWanted = this.#runFirst(work, visit);
    } finally {
      this.#takeOverAll(work, job, wants, isWanted ? visit : null);
    }
    return true;
  }

  /** Runs parts here until all of them are claimed, or `visit` has ended it: false. */
  #runFirst(work: PartedWork, visit: PartVisitor): boolean {
    for (;;) {
      const part = this.#board.claimFirst();
      if (part < 0) return true;
      if (!work.runPart(part, visit)) return false;
    }
  }

  /** Closes the job and takes over what helpers have done, visited unless `visit` is null. */
  #takeOverAll(work: PartedWork, job: Ref, wants: number, visit: PartVisitor | null): void {
    const board = this.#board;
    const parts = work.parts.count;
    let goesOn = visit !== null;
    let part = board.close();
    try {
      for (; part < parts; part++) {
        goesOn = this.#takeOver(work, job, part, wants, goesOn ? visit : null);
      }
    } finally {
      // What is left where `visit` threw has to be freed.
      for (part += 1; part < parts; part++) this.#takeOver(work, job, part, wants, null);
      this.#spill.free(job);
      board.release();
    }
  }

  #writeJob(work: PartedWork, wants: number): Ref {
    const words = work.words();
    const parts = work.parts.count;
    const total = HEAD_WORDS + words.length + parts * PART_WORDS;
    const job = this.#spill.takeSpare(total * 4);
    if (job === 0) return 0;
    const { u32 } = this.#spill;
    const at = job * 2;
    u32[at + KIND] = work.kind;
    u32[at + WANTS] = wants;
    u32[at + WORDS] = words.length;
    u32.set(words, at + HEAD_WORDS);
    u32.fill(0, at + HEAD_WORDS + words.length, at + total);
    return job;
  }

  #partAt(job: Ref, part: number): number {
    const at = job * 2;
    return at + HEAD_WORDS + this.#spill.u32[at + WORDS]! + part * PART_WORDS;
  }

  /** Visits what a helper found in a part, and frees it. False when `visit` is null or ended it. */
  #takeOver(
    work: PartedWork,
    job: Ref,
    part: number,
    wants: number,
    visit: PartVisitor | null,
  ): boolean {
    const { u32 } = this.#spill;
    const at = this.#partAt(job, part);
    const output = u32[at + OUTPUT]!;
    try {
      if (visit === null) return false;
      if (u32[at + STATUS] !== STATUS_DONE) return work.runPart(part, visit);
      return this.#visitOutput(output, u32[at + MEMBERS]!, wants, visit);
    } finally {
      if (output !== 0) this.#spill.free(output);
    }
  }

  #visitOutput(output: Ref, members: number, wants: number, visit: PartVisitor): boolean {
    const { u8, u32 } = this.#spill;
    let at = output * 8;
    for (let i = 0; i < members; i++) {
      if (wants === WANTS_COUNT) {
        if (!visit(NO_BYTES, 0, 0, 0)) return false;
        continue;
      }
      const length = u32[at >>> 2]!;
      at += 4;
      if (wants === WANTS_SCORES) {
        this.#scoreWords[0] = u32[at >>> 2]!;
        this.#scoreWords[1] = u32[(at >>> 2) + 1]!;
        at += 8;
      }
      if (!visit(u8, at, at + length, this.#score[0]!)) return false;
      at += (length + 3) & ~3;
    }
    return true;
  }

  /**
   * Runs one part of what another worker offers, if there is something. True when it did. The
   * caller holds no shard.
   */
  help(): boolean {
    const board = this.#board;
    if (!board.enter()) return false;
    const part = board.sequence === this.#givenUp ? -1 : board.claimLast();
    if (part >= 0) this.#runPart(board.job, part);
    board.leave();
    return part >= 0;
  }

  #runPart(job: Ref, part: number): void {
    const { u32, u8 } = this.#spill;
    const output = this.#output;
    output.begin(u32[job * 2 + WANTS]!);
    if (!this.#workOf(job).runPart(part, output.add)) {
      this.#givenUp = this.#board.sequence;
      return;
    }
    const at = this.#partAt(job, part);
    if (output.length !== 0) {
      const ref = this.#spill.takeSpare(output.length);
      if (ref === 0) {
        this.#givenUp = this.#board.sequence;
        return;
      }
      copyBytes(u8, ref * 8, output.u8, 0, output.length);
      u32[at + OUTPUT] = ref;
    }
    u32[at + MEMBERS] = output.members;
    u32[at + STATUS] = STATUS_DONE;
  }

  /** This thread's view of the work of the job; made once a job. */
  #workOf(job: Ref): PartedWork {
    const { sequence } = this.#board;
    if (this.#work !== null && this.#sequence === sequence) return this.#work;
    const { u32 } = this.#spill;
    const at = job * 2;
    const words = u32.subarray(at + HEAD_WORDS, at + HEAD_WORDS + u32[at + WORDS]!);
    this.#work = WORK_READERS[u32[at + KIND]!]!(this.#shards, words);
    this.#sequence = sequence;
    return this.#work;
  }
}

/** Those of a shard worker with these surroundings. */
export function parallelRunsOf(parts: {
  readonly layout: SharedLayout;
  readonly ctx: { readonly shards: readonly Shard[] };
  readonly spill: Spill;
  readonly locks: ShardLocks;
}): ParallelRuns {
  const { layout, ctx, spill, locks } = parts;
  const board = new JobBoard(layout.words, layout.jobBoardWord);
  return new ParallelRuns(ctx.shards, board, spill, () => locks.ringWorkers());
}

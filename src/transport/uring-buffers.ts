/**
 * The memory that the kernel reads from and writes to: receive buffers and send slots.
 *
 * RECEIVE BUFFERS are a provided-buffer ring (IORING_REGISTER_PBUF_RING). The kernel takes one per
 * completed receive and names it in the completion; we hand it back when `onData` has returned.
 * The stride is a cache line longer than the buffer, so that the first lines of all buffers do
 * not fall into the same cache set.
 *
 * SEND SLOTS hold bytes on their way out. A slot belongs to one connection from `take` to `free`;
 * a slot under a send in flight is not freed before its completion. Segments of slots are mapped
 * on demand, never unmapped (the kernel may still read them when a thread dies), and given back
 * page by page by `trim`.
 */

import { discardMemory, errnoName, type Mapping, mapMemory } from './libc.ts';
import * as abi from './uring-abi.ts';
import type { Ring } from './uring-ring.ts';

const CACHE_LINE_BYTES = 64;
/** Half-word in the first ring entry that holds the ring's tail. */
const TAIL_HALF = 7;

/** RECEIVE BUFFERS of the head comment: one ring of a transport. */
export class ReceiveBuffers {
  /** All buffers; buffer `id` starts at `id * strideBytes`. */
  readonly bytes: Uint8Array;
  readonly strideBytes: number;

  private readonly dataAddress: number;
  private readonly bufferBytes: number;
  private readonly words: Int32Array;
  private readonly halves: Uint16Array;
  private readonly mask: number;
  private tail = 0;

  /** `count` is a power of two up to 32768. Throws where the kernel refuses the ring. */
  constructor(ring: Ring, group: number, count: number, bufferBytes: number) {
    this.bufferBytes = bufferBytes;
    this.strideBytes = bufferBytes + CACHE_LINE_BYTES;
    this.mask = count - 1;
    const data = mapMemory(count * this.strideBytes);
    const entries = mapMemory(count * abi.BUF_ENTRY_BYTES);
    this.dataAddress = data.address;
    this.bytes = new Uint8Array(data.buffer);
    this.words = new Int32Array(entries.buffer);
    this.halves = new Uint16Array(entries.buffer);
    const request = mapMemory(abi.BUF_REG_BYTES);
    const fields = new DataView(request.buffer);
    fields.setBigUint64(0, BigInt(entries.address), true);
    fields.setUint32(8, count, true);
    fields.setUint16(12, group, true);
    const result = ring.register(abi.REGISTER_PBUF_RING, request.address, 1);
    if (result < 0) throw new Error(`io_uring buffer ring: ${errnoName(-result)}`);
    for (let id = 0; id < count; id++) this.recycle(id);
    this.publish();
  }

  /** Hands buffer `id` back; the kernel sees it after `publish`. */
  recycle(id: number): void {
    const entry = this.tail & this.mask;
    const address = this.dataAddress + id * this.strideBytes;
    const word = entry << 2;
    this.words[word] = address;
    this.words[word + 1] = address / 4294967296;
    this.words[word + 2] = this.bufferBytes;
    // The last half-word of entry 0 is the tail: only the id is written.
    this.halves[(entry << 3) + 6] = id;
    this.tail = (this.tail + 1) & 0xffff;
  }

  /** Shows all recycled buffers to the kernel. */
  publish(): void {
    Atomics.store(this.halves, TAIL_HALF, this.tail);
  }
}

/** SEND SLOTS of the head comment: one pool of a transport. */
export class SlotPool {
  readonly slotBytes: number;
  /** Bytes filled, by slot. */
  fill: Int32Array;
  /** Next slot reference of the connection's queue, by slot; or the free list. */
  next: Int32Array;
  usedCount = 0;

  private readonly slotsPerSegmentLog2: number;
  private readonly strideBytes: number;
  private readonly segments: Mapping[] = [];
  private readonly views: Uint8Array[] = [];
  private freeHead = -1;
  private usedCountMax = 0;

  constructor(slotBytes: number, slotsPerSegmentLog2: number) {
    this.slotBytes = slotBytes;
    this.slotsPerSegmentLog2 = slotsPerSegmentLog2;
    this.strideBytes = slotBytes + CACHE_LINE_BYTES;
    this.fill = new Int32Array(0);
    this.next = new Int32Array(0);
  }

  /** Takes an empty slot, or returns -1 where the system has no memory. O(1) amortised. */
  take(): number {
    if (this.freeHead < 0 && !this.grow()) return -1;
    const slot = this.freeHead;
    this.freeHead = this.next[slot]!;
    this.fill[slot] = 0;
    this.next[slot] = -1;
    this.usedCount++;
    if (this.usedCount > this.usedCountMax) this.usedCountMax = this.usedCount;
    return slot;
  }

  free(slot: number): void {
    this.next[slot] = this.freeHead;
    this.freeHead = slot;
    this.usedCount--;
  }

  /** The bytes of the segment that holds `slot`; the slot starts at `startOf(slot)`. */
  segmentOf(slot: number): Uint8Array {
    return this.views[slot >> this.slotsPerSegmentLog2]!;
  }

  startOf(slot: number): number {
    return (slot & ((1 << this.slotsPerSegmentLog2) - 1)) * this.strideBytes;
  }

  addressOf(slot: number): number {
    return this.segments[slot >> this.slotsPerSegmentLog2]!.address + this.startOf(slot);
  }

  /** Gives memory back to the system after a burst, when no slot is in use. */
  trim(): void {
    if (this.usedCount > 0) return;
    const keptCount = 1 << this.slotsPerSegmentLog2;
    if (this.usedCountMax > keptCount) {
      for (let i = 1; i < this.segments.length; i++) discardMemory(this.segments[i]!);
      this.relinkFree(0, this.next.length);
    }
    this.usedCountMax = 0;
  }

  private grow(): boolean {
    const count = 1 << this.slotsPerSegmentLog2;
    let segment: Mapping;
    try {
      segment = mapMemory(count * this.strideBytes);
    } catch {
      return false;
    }
    const first = this.segments.length * count;
    this.segments.push(segment);
    this.views.push(new Uint8Array(segment.buffer));
    const fill = new Int32Array(first + count);
    fill.set(this.fill);
    this.fill = fill;
    const next = new Int32Array(first + count);
    next.set(this.next);
    this.next = next;
    this.relinkFree(first, first + count);
    return true;
  }

  /** Makes slots `[first, end)` the free list, lowest first. */
  private relinkFree(first: number, end: number): void {
    for (let slot = first; slot < end; slot++) this.next[slot] = slot + 1;
    this.next[end - 1] = -1;
    this.freeHead = first;
  }
}

/**
 * BY and GET patterns of SORT: the name of a key, or of a field of a hash, with a place for the
 * element.
 *
 *   #                 the element itself
 *   weight_*          the string at the key
 *   object_*->name    field `name` of the hash at the key
 *   anything else     nothing: a name without a place for the element
 */
import { copyBytes } from '../base/bytes.ts';
import { TYPE_HASH, TYPE_STRING } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ArgView } from '../resp/request-parser.ts';
import type { SortTexts } from './sort-texts.ts';
import type { CommandContext } from './spec.ts';

const STAR = 0x2a;
const HASH_SIGN = 0x23;
const MINUS = 0x2d;
const GREATER = 0x3e;

/** True when argument `index` is a pattern that names keys by elements. */
export function namesKeys(args: ArgView, index: number): boolean {
  return starOf(args, index) >= 0;
}

function starOf(args: ArgView, index: number): number {
  const end = args.end(index);
  for (let at = args.offset[index]!; at < end; at++) if (args.buf[at] === STAR) return at;
  return -1;
}

/** One pattern of a command that runs. */
export class SortPattern {
  /** What `find` found, and the shard it lies in: borrowed until the next command on the shard. */
  buf: Uint8Array;
  from = 0;
  to = 0;
  shard: Shard;
  /** Whether it looks up keys. */
  readonly isLookup: boolean;
  readonly #isElement: boolean;
  /** Where the parts are in the bytes of the arguments. */
  readonly #start: number;
  readonly #star: number;
  readonly #tailEnd: number;
  readonly #field: number;
  readonly #end: number;
  /** The name of the key: prefix, element, tail. */
  #name = new Uint8Array(64);

  constructor(ctx: CommandContext, index: number) {
    const { args } = ctx;
    const { buf } = args;
    this.buf = buf;
    this.shard = ctx.shards[0]!;
    this.#start = args.offset[index]!;
    this.#end = args.end(index);
    this.#star = starOf(args, index);
    this.isLookup = this.#star >= 0;
    this.#isElement = args.length[index] === 1 && buf[this.#start] === HASH_SIGN;
    const arrow = this.isLookup ? arrowOf(buf, this.#star + 1, this.#end) : -1;
    this.#tailEnd = arrow < 0 ? this.#end : arrow;
    this.#field = arrow < 0 ? -1 : arrow + 2;
  }

  /** Finds what the pattern names for text `index` of `elements`. False when there is nothing. */
  find(ctx: CommandContext, elements: SortTexts, index: number): boolean {
    if (!elements.read(index)) return false;
    if (this.isLookup) return this.#lookUp(ctx, elements);
    ({ buf: this.buf, from: this.from, to: this.to } = elements);
    return this.#isElement;
  }

  #lookUp(ctx: CommandContext, element: SortTexts): boolean {
    const { db, key2, args } = ctx;
    const shard = ctx.locate(this.#name, 0, this.#nameOf(args.buf, element));
    const ref = shard.findRead(db, key2);
    if (ref === 0) return false;
    this.shard = shard;
    if (this.#field < 0) {
      if (shard.typeOf(ref) !== TYPE_STRING) return false;
      this.buf = shard.u8;
      this.from = shard.valueOffset(ref);
      this.to = this.from + shard.valueLength(ref);
      return true;
    }
    if (shard.typeOf(ref) !== TYPE_HASH) return false;
    const { hashes } = shard;
    if (!hashes.find(ref, args.buf, this.#field, this.#end)) return false;
    ({ buf: this.buf, from: this.from, to: this.to } = hashes.found);
    return true;
  }

  /** Writes the name for an element and returns its length. */
  #nameOf(pattern: Uint8Array, element: SortTexts): number {
    const prefix = this.#star - this.#start;
    const middle = prefix + element.to - element.from;
    const length = middle + this.#tailEnd - this.#star - 1;
    if (length > this.#name.length) this.#name = new Uint8Array(length * 2);
    copyBytes(this.#name, 0, pattern, this.#start, this.#star);
    copyBytes(this.#name, prefix, element.buf, element.from, element.to);
    copyBytes(this.#name, middle, pattern, this.#star + 1, this.#tailEnd);
    return length;
  }
}

/** Where the first "->" in [from, end) is, or -1; one with nothing behind it is part of the key. */
function arrowOf(buf: Uint8Array, from: number, end: number): number {
  for (let at = from; at + 1 < end; at++) {
    if (buf[at] === MINUS && buf[at + 1] === GREATER) return at + 2 < end ? at : -1;
  }
  return -1;
}

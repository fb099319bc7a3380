/**
 * The options that SET, GETEX and MSETEX share, read into one reused object.
 */
import { asciiBytes } from '../base/bytes.ts';
import type { CommandContext } from './spec.ts';
import { UNIT_EX, UNIT_EXAT, UNIT_NONE, UNIT_PX, UNIT_PXAT } from './string-value.ts';

export const CONDITION_NONE = 0;
export const CONDITION_NX = 1;
export const CONDITION_XX = 2;
export const CONDITION_IFEQ = 3;
export const CONDITION_IFNE = 4;
export const CONDITION_IFDEQ = 5;
export const CONDITION_IFDNE = 6;

const NX = asciiBytes('NX');
const XX = asciiBytes('XX');
const GET = asciiBytes('GET');
const EX = asciiBytes('EX');
const PX = asciiBytes('PX');
const EXAT = asciiBytes('EXAT');
const PXAT = asciiBytes('PXAT');
const KEEPTTL = asciiBytes('KEEPTTL');
const PERSIST = asciiBytes('PERSIST');
const IFEQ = asciiBytes('IFEQ');
const IFNE = asciiBytes('IFNE');
const IFDEQ = asciiBytes('IFDEQ');
const IFDNE = asciiBytes('IFDNE');

/** What a command of the family accepts besides EX, PX, EXAT and PXAT. */
export const ACCEPT_EXISTENCE = 1;
export const ACCEPT_COMPARE = 2;
export const ACCEPT_GET = 4;
export const ACCEPT_KEEPTTL = 8;
export const ACCEPT_PERSIST = 16;

/** The options of the command that was parsed last. */
export class StringOptions {
  condition = CONDITION_NONE;
  /** Argument that IFEQ and its like compare with. */
  conditionIndex = 0;
  withGet = false;
  keepTtl = false;
  persist = false;
  unit = UNIT_NONE;
  /** Argument that EX and its like name. */
  expireIndex = 0;

  /**
   * Reads the arguments from `index` on. False: a syntax error. `accept` is a sum of ACCEPT_
   * constants.
   */
  parse(ctx: CommandContext, index: number, accept: number): boolean {
    this.condition = CONDITION_NONE;
    this.withGet = false;
    this.keepTtl = false;
    this.persist = false;
    this.unit = UNIT_NONE;
    const count = ctx.args.count;
    while (index < count) {
      const used = this.#one(ctx, index, accept);
      if (used === 0) return false;
      index += used;
    }
    return true;
  }

  /**
   * Reads the option at `index`; returns how many arguments it takes, 0 = it is none or contradicts
   * another.
   */
  #one(ctx: CommandContext, index: number, accept: number): number {
    const args = ctx.args;
    const hasNext = index + 1 < args.count;
    if (hasNext) {
      const unit = unitOf(ctx, index);
      if (unit !== UNIT_NONE) return this.#expire(unit, index);
    }
    if ((accept & ACCEPT_EXISTENCE) !== 0) {
      if (args.equalsIgnoreCase(index, NX)) return this.#existence(CONDITION_NX);
      if (args.equalsIgnoreCase(index, XX)) return this.#existence(CONDITION_XX);
    }
    if ((accept & ACCEPT_GET) !== 0 && args.equalsIgnoreCase(index, GET)) {
      this.withGet = true;
      return 1;
    }
    if ((accept & ACCEPT_KEEPTTL) !== 0 && args.equalsIgnoreCase(index, KEEPTTL)) {
      this.keepTtl = true;
      return this.unit === UNIT_NONE ? 1 : 0;
    }
    if ((accept & ACCEPT_PERSIST) !== 0 && args.equalsIgnoreCase(index, PERSIST)) {
      this.persist = true;
      return this.unit === UNIT_NONE ? 1 : 0;
    }
    if ((accept & ACCEPT_COMPARE) === 0 || !hasNext || this.condition !== CONDITION_NONE) return 0;
    this.condition = compareConditionOf(ctx, index);
    this.conditionIndex = index + 1;
    return this.condition === CONDITION_NONE ? 0 : 2;
  }

  #existence(condition: number): number {
    const isFree = this.condition === CONDITION_NONE || this.condition === condition;
    this.condition = condition;
    return isFree ? 1 : 0;
  }

  #expire(unit: number, index: number): number {
    if (this.keepTtl || this.persist) return 0;
    if (this.unit !== UNIT_NONE && this.unit !== unit) return 0;
    this.unit = unit;
    this.expireIndex = index + 1;
    return 2;
  }
}

/** UNIT_EX and so on for an argument that says EX, PX, EXAT or PXAT; otherwise UNIT_NONE. */
export function unitOf(ctx: CommandContext, index: number): number {
  const args = ctx.args;
  if (args.equalsIgnoreCase(index, EX)) return UNIT_EX;
  if (args.equalsIgnoreCase(index, PX)) return UNIT_PX;
  if (args.equalsIgnoreCase(index, EXAT)) return UNIT_EXAT;
  if (args.equalsIgnoreCase(index, PXAT)) return UNIT_PXAT;
  return UNIT_NONE;
}

/** CONDITION_IFEQ and so on for an argument that says so; otherwise CONDITION_NONE. */
export function compareConditionOf(ctx: CommandContext, index: number): number {
  const args = ctx.args;
  if (args.equalsIgnoreCase(index, IFEQ)) return CONDITION_IFEQ;
  if (args.equalsIgnoreCase(index, IFNE)) return CONDITION_IFNE;
  if (args.equalsIgnoreCase(index, IFDEQ)) return CONDITION_IFDEQ;
  if (args.equalsIgnoreCase(index, IFDNE)) return CONDITION_IFDNE;
  return CONDITION_NONE;
}

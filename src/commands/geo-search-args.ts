/** Geo: the arguments of GEOSEARCH and GEORADIUS in all their variants. */

import { asciiBytes } from '../base/bytes.ts';
import { GeoArea } from '../base/geo-area.ts';
import { Position } from '../base/geohash.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, exactlyOneOption } from '../resp/errors.ts';
import { isPositionOrReply, numberAt, position, unitOrReply } from './geo-args.ts';
import type { CommandContext } from './spec.ts';

const WITHDIST = asciiBytes('WITHDIST');
const WITHHASH = asciiBytes('WITHHASH');
const WITHCOORD = asciiBytes('WITHCOORD');
const ANY = asciiBytes('ANY');
const ASC = asciiBytes('ASC');
const DESC = asciiBytes('DESC');
const COUNT = asciiBytes('COUNT');
const STORE = asciiBytes('STORE');
const STOREDIST = asciiBytes('STOREDIST');
const FROMMEMBER = asciiBytes('FROMMEMBER');
const FROMLONLAT = asciiBytes('FROMLONLAT');
const BYRADIUS = asciiBytes('BYRADIUS');
const BYBOX = asciiBytes('BYBOX');

/** What a search command takes. */
export interface SearchVariant {
  /** Argument with the key to be searched. */
  readonly source: number;
  /** How the centre is given: as the first arguments of GEORADIUS, or as an option. */
  readonly center: 'position' | 'member' | 'option';
  /** Where the result may go: nowhere, to the key of an option, to the key in argument 1. */
  readonly store: 'never' | 'option' | 'always';
}

/** The arguments read last, by this thread; valid until the next command. */
export class SearchArgs {
  readonly area = new GeoArea();
  withDistance = false;
  withHash = false;
  withCoordinates = false;
  isAny = false;
  /** Most members of the result; 0 = all. */
  count = 0;
  /** 1 = nearest first, -1 = farthest first, 0 = as found. */
  direction = 0;
  /** Argument with the key for the result; 0 = reply it. */
  storeIndex = 0;
  /** The scores stored are distances. */
  isStoringDistances = false;
  #hasCenter = false;
  #isFromMember = false;
  #hasShape = false;
  #ref: Ref = 0;
  #position = new Position();

  /**
   * Reads all arguments; `ref` is the source's entry, a sorted set or 0. False: an error was
   * replied.
   */
  read(ctx: CommandContext, variant: SearchVariant, shard: Shard, ref: Ref): boolean {
    this.#reset(ref);
    if (variant.store === 'always') this.storeIndex = 1;
    const first = this.#readFixed(ctx, variant, shard);
    if (first < 0) return false;
    for (let i = first; i < ctx.args.count; ) {
      if (this.#isFlag(ctx, i)) {
        i += 1;
        continue;
      }
      const words = this.#readOption(ctx, i, variant, shard);
      if (words === 0) ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
      if (words <= 0) return false;
      i += words;
    }
    return this.#isSoundOrReply(ctx, variant);
  }

  #reset(ref: Ref): void {
    this.#ref = ref;
    this.withDistance = false;
    this.withHash = false;
    this.withCoordinates = false;
    this.isAny = false;
    this.count = 0;
    this.direction = 0;
    this.storeIndex = 0;
    this.isStoringDistances = false;
    this.#hasCenter = false;
    this.#isFromMember = false;
    this.#hasShape = false;
    this.area.isBox = false;
  }

  /** Reads what stands before the options; index of the first option, or -1. */
  #readFixed(ctx: CommandContext, variant: SearchVariant, shard: Shard): number {
    const { center, source } = variant;
    if (center === 'option') return source + 1;
    if (center === 'position') {
      if (!this.#takePosition(ctx, source + 1)) return -1;
      return this.#takeCircle(ctx, source + 3) ? source + 5 : -1;
    }
    if (this.#ref !== 0) {
      if (!this.#takeMember(ctx, source + 1, shard)) return -1;
      if (!this.#takeCircle(ctx, source + 2)) return -1;
    }
    return source + 4;
  }

  /** Reads an option without operands. */
  #isFlag(ctx: CommandContext, i: number): boolean {
    const { args } = ctx;
    if (args.equalsIgnoreCase(i, WITHDIST)) this.withDistance = true;
    else if (args.equalsIgnoreCase(i, WITHHASH)) this.withHash = true;
    else if (args.equalsIgnoreCase(i, WITHCOORD)) this.withCoordinates = true;
    else if (args.equalsIgnoreCase(i, ANY)) this.isAny = true;
    else if (args.equalsIgnoreCase(i, ASC)) this.direction = 1;
    else if (args.equalsIgnoreCase(i, DESC)) this.direction = -1;
    else return false;
    return true;
  }

  /** Words of the option at `i`; 0: there is none, -1: an error was replied. */
  #readOption(ctx: CommandContext, i: number, variant: SearchVariant, shard: Shard): number {
    const { args } = ctx;
    const left = args.count - i - 1;
    if (args.equalsIgnoreCase(i, COUNT)) return left < 1 ? 0 : this.#takeCount(ctx, i + 1);
    if (args.equalsIgnoreCase(i, STOREDIST) && variant.store === 'always') {
      this.isStoringDistances = true;
      return 1;
    }
    if (variant.store === 'option' && left >= 1) {
      const isDistance = args.equalsIgnoreCase(i, STOREDIST);
      if (isDistance || args.equalsIgnoreCase(i, STORE)) {
        this.storeIndex = i + 1;
        this.isStoringDistances = isDistance;
        return 2;
      }
    }
    return variant.center === 'option' ? this.#readPlace(ctx, i, left, shard) : 0;
  }

  /** The options of GEOSEARCH that say where; as above. */
  #readPlace(ctx: CommandContext, i: number, left: number, shard: Shard): number {
    const { args } = ctx;
    const isFromPosition = this.#hasCenter && !this.#isFromMember;
    if (left >= 1 && !isFromPosition && args.equalsIgnoreCase(i, FROMMEMBER)) {
      if (this.#ref !== 0 && !this.#takeMember(ctx, i + 1, shard)) return -1;
      this.#hasCenter = true;
      this.#isFromMember = true;
      return 2;
    }
    if (left >= 2 && !this.#isFromMember && args.equalsIgnoreCase(i, FROMLONLAT)) {
      if (!this.#takePosition(ctx, i + 1)) return -1;
      this.#hasCenter = true;
      return 3;
    }
    const { isBox } = this.area;
    if (left >= 2 && !isBox && args.equalsIgnoreCase(i, BYRADIUS)) {
      return this.#takeCircle(ctx, i + 1) ? 3 : -1;
    }
    const isCircle = this.#hasShape && !isBox;
    if (left >= 3 && !isCircle && args.equalsIgnoreCase(i, BYBOX)) {
      return this.#takeBox(ctx, i + 1) ? 4 : -1;
    }
    return 0;
  }

  #takePosition(ctx: CommandContext, index: number): boolean {
    if (!isPositionOrReply(ctx, index)) return false;
    this.area.longitude = position.longitude;
    this.area.latitude = position.latitude;
    return true;
  }

  #takeMember(ctx: CommandContext, index: number, shard: Shard): boolean {
    const { buf, offset } = ctx.args;
    const set = shard.zsets;
    if (!set.scoreOf(this.#ref, buf, offset[index]!, ctx.args.end(index))) {
      ctx.reply.errorBytes(ERROR_BYTES.GEO_NO_MEMBER);
      return false;
    }
    this.#position.locate(set.score);
    this.area.longitude = this.#position.longitude;
    this.area.latitude = this.#position.latitude;
    return true;
  }

  #takeCircle(ctx: CommandContext, index: number): boolean {
    const { area } = this;
    area.radius = numberAt(ctx, index);
    if (!(area.radius >= 0)) {
      const isNumber = !Number.isNaN(area.radius);
      const error = isNumber ? ERROR_BYTES.GEO_RADIUS_NEGATIVE : ERROR_BYTES.GEO_RADIUS_NOT_FLOAT;
      ctx.reply.errorBytes(error);
      return false;
    }
    this.#hasShape = true;
    area.unitMeters = unitOrReply(ctx, index + 1);
    return !Number.isNaN(area.unitMeters);
  }

  #takeBox(ctx: CommandContext, index: number): boolean {
    const { area } = this;
    const { reply } = ctx;
    area.width = numberAt(ctx, index);
    area.height = numberAt(ctx, index + 1);
    if (Number.isNaN(area.width)) reply.errorBytes(ERROR_BYTES.GEO_WIDTH_NOT_FLOAT);
    else if (Number.isNaN(area.height)) reply.errorBytes(ERROR_BYTES.GEO_HEIGHT_NOT_FLOAT);
    else if (area.width < 0 || area.height < 0) reply.errorBytes(ERROR_BYTES.GEO_BOX_NEGATIVE);
    else {
      this.#hasShape = true;
      area.isBox = true;
      area.unitMeters = unitOrReply(ctx, index + 2);
      return !Number.isNaN(area.unitMeters);
    }
    return false;
  }

  #takeCount(ctx: CommandContext, index: number): number {
    this.count = ctx.args.toInt(index);
    if (this.count > 0) return 2;
    const isNumber = !Number.isNaN(this.count);
    ctx.reply.errorBytes(isNumber ? ERROR_BYTES.GEO_COUNT : ERROR_BYTES.NOT_INTEGER);
    return -1;
  }

  /** Whether the options go together. */
  #isSoundOrReply(ctx: CommandContext, variant: SearchVariant): boolean {
    const { args, reply } = ctx;
    const isShown = this.withDistance || this.withHash || this.withCoordinates;
    if (this.storeIndex !== 0 && isShown) {
      const isSearch = variant.store === 'always';
      reply.errorBytes(isSearch ? ERROR_BYTES.GEO_SEARCH_STORE : ERROR_BYTES.GEO_RADIUS_STORE);
    } else if (variant.center === 'option' && !this.#hasCenter) {
      reply.error(exactlyOneOption('FROMMEMBER or FROMLONLAT', args.text(0)));
    } else if (variant.center === 'option' && !this.#hasShape) {
      reply.error(exactlyOneOption('BYRADIUS and BYBOX', args.text(0)));
    } else if (this.isAny && this.count === 0) {
      reply.errorBytes(ERROR_BYTES.GEO_ANY);
    } else {
      return true;
    }
    return false;
  }
}

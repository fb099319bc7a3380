/** Geo: arguments that several commands share. Each of these replies the error itself. */
import { asciiBytes } from '../base/bytes.ts';
import { LATITUDE_MAX, LONGITUDE_MAX } from '../base/geohash.ts';
import { parseFloat64 } from '../base/number-text.ts';
import { ERROR_BYTES, invalidPosition } from '../resp/errors.ts';
import type { CommandContext } from './spec.ts';

const UNITS: readonly (readonly [Uint8Array, number])[] = [
  [asciiBytes('M'), 1],
  [asciiBytes('KM'), 1000],
  [asciiBytes('FT'), 0.3048],
  [asciiBytes('MI'), 1609.34],
];

/** The position that `isPositionOrReply` read last. */
export const position = { longitude: 0, latitude: 0 };

/** Argument `index` as a number; NaN when it is none. */
export function numberAt(ctx: CommandContext, index: number): number {
  const { args } = ctx;
  return parseFloat64(args.buf, args.offset[index]!, args.end(index));
}

/** Reads arguments `index` and the next one into `position`. */
export function isPositionOrReply(ctx: CommandContext, index: number): boolean {
  const longitude = numberAt(ctx, index);
  const latitude = Number.isNaN(longitude) ? longitude : numberAt(ctx, index + 1);
  if (Number.isNaN(latitude)) {
    ctx.reply.errorBytes(ERROR_BYTES.NOT_FLOAT);
    return false;
  }
  if (Math.abs(longitude) > LONGITUDE_MAX || Math.abs(latitude) > LATITUDE_MAX) {
    ctx.reply.error(invalidPosition(longitude, latitude));
    return false;
  }
  position.longitude = longitude;
  position.latitude = latitude;
  return true;
}

/** Meters of the unit in argument `index`; NaN when it is none. */
export function unitOrReply(ctx: CommandContext, index: number): number {
  for (const [word, meters] of UNITS) if (ctx.args.equalsIgnoreCase(index, word)) return meters;
  ctx.reply.errorBytes(ERROR_BYTES.GEO_UNIT);
  return Number.NaN;
}

const SCALE = 10_000;
const FRACTION_DIGITS = 4;

/** A distance with four decimals, rounded to nearest, ties to even. */
export function distanceText(distance: number): string {
  const scaled = distance * SCALE;
  let whole = Math.floor(scaled);
  const rest = scaled - whole;
  if (rest > 0.5 || (rest === 0.5 && whole % 2 === 1)) whole += 1;
  const fraction = String(whole % SCALE).padStart(FRACTION_DIGITS, '0');
  return `${Math.floor(whole / SCALE)}.${fraction}`;
}

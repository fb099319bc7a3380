/**
 * Geohashes of 52 bits, as scores of sorted sets: longitude and latitude as fractions of their
 * ranges, 26 bits each, bit by bit in turn. A double holds them exactly, and neighbours on the map
 * are often neighbours by score.
 *
 * LAYOUT, from the highest bit on: longitude, latitude, longitude, latitude ...
 *
 * A geohash is handled as two words of 32 bits, so that nothing is allocated. Positions on the
 * upper edges have one bit more, as in Redis.
 *
 * EXAMPLE: 13.361389, 38.115556 has the score 3479099956230698.
 */

export const LONGITUDE_MAX = 180;
export const LATITUDE_MAX = 85.05112878;
/** Bits of each coordinate. */
export const STEP_MAX = 26;

const EARTH_RADIUS_METERS = 6372797.560856;
const DEGREE = Math.PI / 180;
const TWO_32 = 4294967296;
const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';
const CHARACTERS = 10;
const HIGH_CHARACTERS = 4;
/** Latitudes of geohashes as everybody else writes them. */
const STANDARD_LATITUDE_MAX = 90;

function radians(degrees: number): number {
  return degrees * DEGREE;
}

/** Meters along a meridian as degrees of latitude. */
export function latitudeDegrees(meters: number): number {
  return meters / EARTH_RADIUS_METERS / DEGREE;
}

/** Meters along a circle of latitude as degrees of longitude. */
export function longitudeDegrees(meters: number, latitude: number): number {
  return meters / EARTH_RADIUS_METERS / Math.cos(radians(latitude)) / DEGREE;
}

/** The low 16 bits of a word at its even places. */
function spread(word: number): number {
  word &= 0xffff;
  word = (word | (word << 8)) & 0x00ff00ff;
  word = (word | (word << 4)) & 0x0f0f0f0f;
  word = (word | (word << 2)) & 0x33333333;
  return (word | (word << 1)) & 0x55555555;
}

/** The bits at the even places of a word as its low 16 bits. */
function squeeze(word: number): number {
  word &= 0x55555555;
  word = (word | (word >>> 1)) & 0x33333333;
  word = (word | (word >>> 2)) & 0x0f0f0f0f;
  word = (word | (word >>> 4)) & 0x00ff00ff;
  return (word | (word >>> 8)) & 0xffff;
}

/** Low word of the geohash of the cell in column `x` and row `y`. */
function lowWord(x: number, y: number): number {
  return (spread(y) | (spread(x) << 1)) >>> 0;
}

function highWord(x: number, y: number): number {
  return (spread(y >>> 16) | (spread(x >>> 16) << 1)) >>> 0;
}

/** The geohash of a cell as a number. */
export function cellBits(x: number, y: number): number {
  return highWord(x, y) * TWO_32 + lowWord(x, y);
}

/** Column of a longitude among 2^step from west to east. */
export function columnOf(longitude: number, step: number): number {
  return Math.trunc(((longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * (1 << step));
}

/** Row of a latitude among 2^step from south to north. */
export function rowOf(latitude: number, step: number): number {
  return Math.trunc(((latitude + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * (1 << step));
}

/** Western edge of a column; the eastern edge is that of the next one. */
export function columnEdge(x: number, step: number): number {
  return -LONGITUDE_MAX + ((x >>> 0) / (1 << step)) * (2 * LONGITUDE_MAX);
}

/** Southern edge of a row. */
export function rowEdge(y: number, step: number): number {
  return -LATITUDE_MAX + ((y >>> 0) / (1 << step)) * (2 * LATITUDE_MAX);
}

/** The score of a position within the ranges. */
export function scoreOfPosition(longitude: number, latitude: number): number {
  return cellBits(columnOf(longitude, STEP_MAX), rowOf(latitude, STEP_MAX));
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, -max), max);
}

/** Bits of a score that is no geohash, as x86-64 makes an unsigned integer of a double. */
function strangeBits(score: number): bigint {
  if (score >= 2 ** 64) return 0n;
  return score >= -(2 ** 63) ? BigInt.asUintN(64, BigInt(Math.trunc(score))) : 2n ** 63n;
}

/** Where a score is on the map: results of `locate`. */
export class Position {
  longitude = 0;
  latitude = 0;

  /** Takes the middle of a score's cell. Any score is one: members may come from ZADD. */
  locate(score: number): void {
    let high = Math.floor(score / TWO_32);
    let low = score - high * TWO_32;
    if (!(score >= 0 && score <= Number.MAX_SAFE_INTEGER)) {
      const bits = strangeBits(score);
      high = Number(bits >> 32n);
      low = Number(bits & 0xffffffffn);
    }
    const y = squeeze(low) | (squeeze(high) << 16);
    const x = squeeze(low >>> 1) | (squeeze(high >>> 1) << 16);
    const longitude = (columnEdge(x, STEP_MAX) + columnEdge(x + 1, STEP_MAX)) / 2;
    const latitude = (rowEdge(y, STEP_MAX) + rowEdge(y + 1, STEP_MAX)) / 2;
    this.longitude = clamp(longitude, LONGITUDE_MAX);
    this.latitude = clamp(latitude, LATITUDE_MAX);
  }
}

/** Meters between two latitudes on one meridian. */
export function meridianMeters(latitude1: number, latitude2: number): number {
  return EARTH_RADIUS_METERS * Math.abs(radians(latitude2) - radians(latitude1));
}

/** Meters between two positions on a great circle (haversine formula). */
export function distanceMeters(
  longitude1: number,
  latitude1: number,
  longitude2: number,
  latitude2: number,
): number {
  const v = Math.sin((radians(longitude2) - radians(longitude1)) / 2);
  if (v === 0) return meridianMeters(latitude1, latitude2);
  const phi1 = radians(latitude1);
  const phi2 = radians(latitude2);
  const u = Math.sin((phi2 - phi1) / 2);
  const a = u * u + Math.cos(phi1) * Math.cos(phi2) * v * v;
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(a));
}

/** The text of 11 characters that names a position elsewhere; the last one is always 0. */
export function geohashText(longitude: number, latitude: number): string {
  const x = columnOf(longitude, STEP_MAX);
  const range = 2 * STANDARD_LATITUDE_MAX;
  const y = Math.trunc(((latitude + STANDARD_LATITUDE_MAX) / range) * (1 << STEP_MAX));
  const low = lowWord(x, y);
  const high = highWord(x, y);
  let text = '';
  for (let i = 1; i <= CHARACTERS; i++) {
    const bits = i <= HIGH_CHARACTERS ? high >>> (20 - 5 * i) : low >>> (52 - 5 * i);
    text += ALPHABET[bits & 31];
  }
  return text + '0';
}

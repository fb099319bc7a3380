/**
 * Areas of the map, circles and boxes, and the cells of geohashes that cover them: at most nine,
 * the one with the centre and its neighbours, each of them a range of scores. Cells and their order
 * are Redis's, and so is the order of what is found in them.
 */
import {
  cellBits,
  columnEdge,
  columnOf,
  distanceMeters,
  latitudeDegrees,
  longitudeDegrees,
  meridianMeters,
  Position,
  rowEdge,
  rowOf,
  STEP_MAX,
} from './geohash.ts';

/** Half the length of the equator in Mercator's projection, about. */
const MERCATOR_MAX = 20037726.37;
const CELLS_MAX = 9;
/** Columns and rows from the centre's cell, in the order of the search. */
const NEIGHBORS: readonly (readonly [x: number, y: number])[] = [
  [0, 0],
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
];

/** Bits of a coordinate in cells that are about as large as the radius. */
function stepOf(radiusMeters: number, latitude: number): number {
  if (radiusMeters === 0) return STEP_MAX;
  let step = 1;
  for (let meters = radiusMeters; meters < MERCATOR_MAX; meters *= 2) step += 1;
  step -= 2;
  // Meridians come closer towards the poles.
  if (Math.abs(latitude) > 66) step -= 1;
  if (Math.abs(latitude) > 80) step -= 1;
  return Math.min(Math.max(step, 1), STEP_MAX);
}

/** One search: its shape, its cells, and whether a position is inside. Used again and again. */
export class GeoArea {
  longitude = 0;
  latitude = 0;
  isBox = false;
  /** In units of `unitMeters`. */
  radius = 0;
  width = 0;
  height = 0;
  unitMeters = 1;
  /** Meters from the centre to the position that `has` accepted last. */
  distance = 0;
  /** Ranges of scores, results of `cover`: at least `cellMin[i]` and below `cellMax[i]`. */
  cellCount = 0;
  readonly cellMin = new Float64Array(CELLS_MAX);
  readonly cellMax = new Float64Array(CELLS_MAX);
  readonly #position = new Position();
  /** Edges of the box around the shape. */
  #west = 0;
  #east = 0;
  #south = 0;
  #north = 0;

  /** Whether the position of a score is inside; sets `distance` then. */
  has(score: number): boolean {
    const position = this.#position;
    position.locate(score);
    const { longitude, latitude } = position;
    const { unitMeters } = this;
    if (this.isBox) {
      const south = meridianMeters(latitude, this.latitude);
      if (south > (this.height * unitMeters) / 2) return false;
      const west = distanceMeters(longitude, latitude, this.longitude, latitude);
      if (west > (this.width * unitMeters) / 2) return false;
      this.distance = distanceMeters(this.longitude, this.latitude, longitude, latitude);
      return true;
    }
    this.distance = distanceMeters(this.longitude, this.latitude, longitude, latitude);
    return this.distance <= this.radius * unitMeters;
  }

  /** Finds the cells that cover the shape. O(1). */
  cover(): void {
    this.#bound();
    let step = stepOf(this.#reachMeters(), this.latitude);
    if (step > 1 && !this.#isCovered(step)) step -= 1;
    const x = columnOf(this.longitude, step);
    const y = rowOf(this.latitude, step);
    const mask = (1 << step) - 1;
    // From two bits on, neighbours beyond the box are not needed.
    const isExact = step >= 2;
    const noSouth = isExact && rowEdge(y, step) < this.#south;
    const noNorth = isExact && rowEdge(y + 1, step) > this.#north;
    const noWest = isExact && columnEdge(x, step) < this.#west;
    const noEast = isExact && columnEdge(x + 1, step) > this.#east;
    const size = 4 ** (STEP_MAX - step);
    let last = -1;
    this.cellCount = 0;
    for (const [dx, dy] of NEIGHBORS) {
      if ((dy < 0 && noSouth) || (dy > 0 && noNorth)) continue;
      if ((dx < 0 && noWest) || (dx > 0 && noEast)) continue;
      const cellX = dx === 0 ? x : (x + dx) & mask;
      const cellY = dy === 0 ? y : (y + dy) & mask;
      const bits = cellBits(cellX, cellY);
      // With few and large cells two neighbours are the same one.
      if (bits === last) continue;
      if (this.cellCount > 0) last = bits;
      this.cellMin[this.cellCount] = bits * size;
      this.cellMax[this.cellCount] = (bits + 1) * size;
      this.cellCount += 1;
    }
  }

  #bound(): void {
    const { longitude, latitude, unitMeters } = this;
    const height = unitMeters * (this.isBox ? this.height / 2 : this.radius);
    const width = unitMeters * (this.isBox ? this.width / 2 : this.radius);
    const up = latitudeDegrees(height);
    // The side that is farther from the equator is the longer one in degrees.
    const edge = latitude < 0 ? latitude - up : latitude + up;
    const right = longitudeDegrees(width, edge);
    this.#west = longitude - right;
    this.#east = longitude + right;
    this.#south = latitude - up;
    this.#north = latitude + up;
  }

  /** Meters from the centre to the farthest position. */
  #reachMeters(): number {
    if (!this.isBox) return this.radius * this.unitMeters;
    const right = this.width / 2;
    const up = this.height / 2;
    return Math.sqrt(right * right + up * up) * this.unitMeters;
  }

  /** Whether the neighbours of the centre's cell reach beyond the box. */
  #isCovered(step: number): boolean {
    const mask = (1 << step) - 1;
    const x = columnOf(this.longitude, step);
    const y = rowOf(this.latitude, step);
    if (rowEdge(((y + 1) & mask) + 1, step) < this.#north) return false;
    if (rowEdge((y - 1) & mask, step) > this.#south) return false;
    if (columnEdge(((x + 1) & mask) + 1, step) < this.#east) return false;
    return !(columnEdge((x - 1) & mask, step) > this.#west);
  }
}

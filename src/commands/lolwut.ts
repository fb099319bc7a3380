/** LOLWUT: a mosaic of tesserae, another one every second; other pictures for some versions. */
import { REDIS_VERSION, TESSERA_VERSION } from '../base/version.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { wordIs } from './session-reply.ts';
import type { SessionContext } from './spec.ts';

const COLUMNS = 32;
const ROWS = 9;
/** Pictures are drawn on an I/O thread: this many characters a side take about a millisecond. */
const SIDE_MAX = 200;
const STONES = ['░', '▒', '▓', '█'] as const;

/**
 * A picture that is the same in all four corners, as floors of mosaic are. Each stone is
 * `stoneColumns` characters wide.
 */
export function mosaic(seed: number, columns = COLUMNS, rows = ROWS, stoneColumns = 1): string {
  const middleColumn = (columns - 1) / 2;
  const middleRow = (rows - 1) / 2;
  let picture = '';
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = Math.abs(column - middleColumn);
      const y = Math.abs(row - middleRow);
      const wave = Math.sin(x * (1 + (seed % 5)) + seed) + Math.cos(y * (1 + (seed % 7)) - seed);
      const stone = STONES[Math.floor(((wave + 2) / 4) * STONES.length) % STONES.length]!;
      picture += stone.repeat(stoneColumns);
    }
    picture += '\n';
  }
  return picture;
}

/** Hills of stones under an empty sky. */
export function hills(seed: number, columns: number, rows: number): string {
  let picture = '';
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const wave = Math.sin(column / 5 + seed) + Math.sin(column / (8 + (seed % 9)) - seed);
      const depth = row - (rows - 1 - Math.round(((wave + 2) / 4) * (rows - 1)));
      picture += depth < 0 ? ' ' : STONES[Math.min(depth, STONES.length - 1)]!;
    }
    picture += '\n';
  }
  return picture;
}

/** Sizes behind a version, from 1 to SIDE_MAX, `initial` where not given; null where no numbers. */
function sizes(ctx: SessionContext, initial: readonly number[]): number[] | null {
  const given: number[] = [];
  for (const [i, size] of initial.entries()) {
    const at = 3 + i;
    const value = at < ctx.args.count ? ctx.args.toInt(at) : size;
    if (Number.isNaN(value)) return null;
    given.push(Math.min(Math.max(value, 1), SIDE_MAX));
  }
  return given;
}

/**
 * The picture of a version, null after its sizes were no numbers: of 5 with columns, stones in a
 * row and rows, of 6 with columns and rows. Others have none, as in Redis.
 */
function pictureOf(ctx: SessionContext, version: number, seed: number): string | null {
  if (version === 5) {
    const size = sizes(ctx, [64, 16, 9]);
    if (size === null) return null;
    const [columns, stones, rows] = [size[0]!, Math.min(size[1]!, size[0]!), size[2]!];
    return mosaic(seed, stones, rows, Math.floor(columns / stones));
  }
  if (version !== 6) return '';
  const size = sizes(ctx, [64, 12]);
  return size === null ? null : hills(seed, size[0]!, size[1]!);
}

export function cmdLolwut(ctx: SessionContext): void {
  const { args, reply } = ctx;
  const seed = Math.floor(ctx.state.nowMs / 1000) % 1000;
  let picture: string | null = mosaic(seed);
  if (wordIs(ctx, 1, 'VERSION') && args.count > 2) {
    const version = args.toInt(2);
    picture = Number.isNaN(version) ? null : pictureOf(ctx, version, seed);
  }
  if (picture === null) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return;
  }
  const versions = `Tessera ver. ${TESSERA_VERSION}, compatible with Redis ver. ${REDIS_VERSION}\n`;
  reply.verbatim(picture === '' ? versions : `${picture}\n${versions}`, 'txt');
}

/** LOLWUT: a mosaic of tesserae, another one every second. */
import { REDIS_VERSION, TESSERA_VERSION } from '../base/version.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { wordIs } from './session-reply.ts';
import type { SessionContext } from './spec.ts';

const COLUMNS = 32;
const ROWS = 9;
const STONES = ['░', '▒', '▓', '█'] as const;

/** A picture that is the same in all four corners, as floors of mosaic are. */
export function mosaic(seed: number): string {
  const middleColumn = (COLUMNS - 1) / 2;
  const middleRow = (ROWS - 1) / 2;
  let picture = '';
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const x = Math.abs(column - middleColumn);
      const y = Math.abs(row - middleRow);
      const wave = Math.sin(x * (1 + (seed % 5)) + seed) + Math.cos(y * (1 + (seed % 7)) - seed);
      picture += STONES[Math.floor(((wave + 2) / 4) * STONES.length) % STONES.length]!;
    }
    picture += '\n';
  }
  return picture;
}

export function cmdLolwut(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (wordIs(ctx, 1, 'VERSION') && args.count > 2 && Number.isNaN(args.toInt(2))) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return;
  }
  const picture = mosaic(Math.floor(ctx.state.nowMs / 1000) % 1000);
  const versions = `Tessera ver. ${TESSERA_VERSION}, compatible with Redis ver. ${REDIS_VERSION}\n`;
  reply.verbatim(`${picture}\n${versions}`, 'txt');
}

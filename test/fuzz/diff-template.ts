/** The parts that random commands are put together from. */
import type { Random } from '../support/random.ts';

export type Part = (random: Random) => string | readonly string[];

export const from =
  (pool: readonly string[]): Part =>
  (random) =>
    random.pick(pool);
export const maybe =
  (...parts: readonly Part[]): Part =>
  (random) =>
    random.oneIn(2) ? parts.flatMap((part) => part(random)) : [];
export const some =
  (max: number, ...parts: readonly Part[]): Part =>
  (random) =>
    Array.from({ length: random.below(max + 1) }, () => random.pick(parts)(random)).flat();
export const all =
  (...parts: readonly Part[]): Part =>
  (random) =>
    parts.flatMap((part) => part(random));
export const word =
  (...words: readonly string[]): Part =>
  (random) =>
    random.pick(words);

export type Template = readonly [name: string, ...parts: readonly Part[]];

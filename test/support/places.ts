/**
 * Members with positions of their own for tests beside a real server: no two of them have the same
 * distance from anywhere, so that their order is never a matter of chance.
 */
import { Random } from './random.ts';

/** Longitude, latitude, member: the arguments of GEOADD. */
export type Place = readonly [longitude: string, latitude: string, member: string];

const MEMBERS = 60;
const POSITIONS = 2;
const random = new Random(20_261_125);
const uniform = (max: number): number => ((random.next() / 2 ** 32) * 2 - 1) * max;

/** Two places of each member; two members of three are near each other. */
export const PLACES: readonly Place[] = Array.from({ length: MEMBERS * POSITIONS }, (_, i) => {
  const member = i % MEMBERS;
  const isNear = member % 3 !== 0;
  const longitude = isNear ? 13 + uniform(3) : uniform(180);
  const latitude = isNear ? 38 + uniform(3) : uniform(85);
  return [String(longitude), String(latitude), `m${member}`];
});

/** Places at the ends of the map. */
export const EDGES: readonly Place[] = [
  ['180', '85.05112878', 'north-east'],
  ['-180', '-85.05112878', 'south-west'],
  ['180', '-1e-5', 'east'],
  ['-180', '1e-5', 'west'],
  ['-0', '0', 'null'],
];

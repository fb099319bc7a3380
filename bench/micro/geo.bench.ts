import type { Bench } from 'tinybench';
import { GeoArea } from '../../src/base/geo-area.ts';
import { distanceMeters, Position, scoreOfPosition } from '../../src/base/geohash.ts';
import { GEO_COMMANDS } from '../../src/commands/geo.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import { argView, LocalRunner } from '../../test/support/local-runner.ts';
import { Random } from '../../test/support/random.ts';

const POSITIONS = 1024;
const MEMBERS = 100;

/** The maths of positions, and searches through ThreadContext.run in a set of 100 members. */
export default function geoBench(bench: Bench): void {
  const random = new Random(1);
  const longitudes = Float64Array.from({ length: POSITIONS }, () => random.below(360) - 180);
  const latitudes = Float64Array.from({ length: POSITIONS }, () => random.below(170) - 85);
  const scores = longitudes.map((longitude, i) => scoreOfPosition(longitude, latitudes[i]!));
  const position = new Position();
  const area = new GeoArea();
  const seen = { sum: 0 };
  bench.add(`geo: score of a position, x${POSITIONS}`, () => {
    for (let i = 0; i < POSITIONS; i++) seen.sum += scoreOfPosition(longitudes[i]!, latitudes[i]!);
  });
  bench.add(`geo: position of a score, x${POSITIONS}`, () => {
    for (let i = 0; i < POSITIONS; i++) {
      position.locate(scores[i]!);
      seen.sum += position.longitude;
    }
  });
  bench.add(`geo: distance, x${POSITIONS}`, () => {
    for (let i = 0; i < POSITIONS; i++)
      seen.sum += distanceMeters(1, 2, longitudes[i]!, latitudes[i]!);
  });
  bench.add(`geo: cells of an area, x${POSITIONS}`, () => {
    for (let i = 0; i < POSITIONS; i++) {
      area.longitude = longitudes[i]!;
      area.latitude = latitudes[i]!;
      area.radius = 1000 + i * 100;
      area.cover();
      seen.sum += area.cellCount;
    }
  });
  const runner = new LocalRunner([...ZSET_COMMANDS, ...GEO_COMMANDS], { shards: 1 });
  for (let i = 0; i < MEMBERS; i++) runner.run('GEOADD', 'g', i / 100, i / 100, `member:${i}`);
  const circle = ['GEOSEARCH', 'g', 'FROMLONLAT', '0.5', '0.5', 'BYRADIUS'];
  addCommand(bench, runner, 'GEODIST', ['GEODIST', 'g', 'member:1', 'member:2']);
  addCommand(bench, runner, 'GEOADD, no change', ['GEOADD', 'g', '0.5', '0.5', 'member:50']);
  addCommand(bench, runner, 'GEOSEARCH, 4 of 100', [...circle, '3', 'km']);
  addCommand(bench, runner, 'GEOSEARCH, 100 of 100, sorted', [...circle, '300', 'km', 'ASC']);
}

function addCommand(
  bench: Bench,
  runner: LocalRunner,
  name: string,
  words: readonly string[],
): void {
  const args = argView(words);
  const row = runner.table.find(args.buf, args.offset[0]!, args.end(0))!;
  bench.add(`geo: ${name}`, () => {
    runner.context.begin(args, 0);
    runner.context.run(row);
    runner.reply.clear();
  });
}

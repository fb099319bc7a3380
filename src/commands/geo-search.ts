/** Geo: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER and their read-only variants. */

import type { GeoArea } from '../base/geo-area.ts';
import { Position } from '../base/geohash.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { readTyped } from './collection.ts';
import { NAME_GEORADIUSSTORE, NAME_GEOSEARCHSTORE } from './event-names.ts';
import { distanceText } from './geo-args.ts';
import { GeoPoints } from './geo-points.ts';
import { SearchArgs, type SearchVariant } from './geo-search-args.ts';
import { type CommandContext, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { storeScored } from './zset-store.ts';

/** Members looked at between two looks at the limit of ANY. */
const PIECE = 64;
/** A member costs a few sines. */
const UNITS_PER_MEMBER = 2;

const search = new SearchArgs();
const points = new GeoPoints();
const position = new Position();
/** Ranks of the members in each cell of the area: the first, and the one behind the last. */
const cellFirst = new Float64Array(9);
const cellEnd = new Float64Array(9);

/** Finds the ranks of all cells; how many members they have together. */
function rankCells(shard: Shard, ref: Ref, area: GeoArea): number {
  let members = 0;
  area.cover();
  for (let i = 0; i < area.cellCount; i++) {
    cellFirst[i] = shard.zsets.rankOfScore(ref, area.cellMin[i]!, false);
    cellEnd[i] = shard.zsets.rankOfScore(ref, area.cellMax[i]!, false);
    members += cellEnd[i]! - cellFirst[i]!;
  }
  return members;
}

/** Collects the members inside the area in `points`; `limit` of them where that is not 0. */
function collect(shard: Shard, ref: Ref, area: GeoArea, limit: number): void {
  const isEnough = (): boolean => limit !== 0 && points.count >= limit;
  points.clear();
  for (let i = 0; i < area.cellCount; i++) {
    const end = cellEnd[i]!;
    for (let rank = cellFirst[i]!; rank < end && !isEnough(); ) {
      const count = limit === 0 ? end - rank : Math.min(PIECE, end - rank);
      shard.zsets.forRange(ref, rank, count, false, (buf, from, to, score) => {
        if (!isEnough() && area.has(score)) points.add(buf, from, to, score, area.distance);
      });
      rank += count;
    }
  }
}

/** How many of the points belong to the result. */
function resultCount(): number {
  return search.count === 0 ? points.count : Math.min(points.count, search.count);
}

/** COUNT alone means the nearest ones. */
function direction(): number {
  return search.direction === 0 && search.count !== 0 && !search.isAny ? 1 : search.direction;
}

function replyPoints(ctx: CommandContext): void {
  const { reply } = ctx;
  const { withDistance, withHash, withCoordinates, area } = search;
  const options = Number(withDistance) + Number(withHash) + Number(withCoordinates);
  const count = resultCount();
  reply.array(count);
  points.forFirst(count, direction(), (buf, from, to, score, distance) => {
    if (options > 0) reply.array(options + 1);
    reply.bulk(buf, from, to);
    if (withDistance) reply.bulkLatin1(distanceText(distance / area.unitMeters));
    if (withHash) reply.integer(Math.trunc(score));
    if (!withCoordinates) return;
    position.locate(score);
    reply.array(2);
    reply.double(position.longitude);
    reply.double(position.latitude);
  });
}

function runSearch(ctx: CommandContext, variant: SearchVariant): RunStatus {
  const { reply } = ctx;
  const ref = readTyped(ctx, variant.source, TYPE_ZSET);
  if (ref < 0) return DONE;
  const shard = ctx.at(variant.source);
  if (!search.read(ctx, variant, shard, ref)) return DONE;
  const { area, storeIndex, isStoringDistances } = search;
  const limit = search.isAny ? search.count : 0;
  const units = ref === 0 ? 0 : rankCells(shard, ref, area) * UNITS_PER_MEMBER;
  if (!ctx.mayRun(units)) return ESCALATE;
  if (storeIndex === 0) {
    if (ref === 0) {
      reply.array(0);
    } else {
      collect(shard, ref, area, limit);
      replyPoints(ctx);
    }
    return DONE;
  }
  const name = variant.store === 'always' ? NAME_GEOSEARCHSTORE : NAME_GEORADIUSSTORE;
  storeScored(ctx, storeIndex, name, units, (visit) => {
    if (ref === 0) return;
    collect(shard, ref, area, limit);
    points.forFirst(resultCount(), direction(), (buf, from, to, score, distance) => {
      visit(buf, from, to, isStoringDistances ? distance / area.unitMeters : score);
    });
  });
  return DONE;
}

const SEARCH: SearchVariant = { source: 1, center: 'option', store: 'never' };
const SEARCH_STORE: SearchVariant = { source: 2, center: 'option', store: 'always' };
const RADIUS: SearchVariant = { source: 1, center: 'position', store: 'option' };
const RADIUS_RO: SearchVariant = { source: 1, center: 'position', store: 'never' };
const BY_MEMBER: SearchVariant = { source: 1, center: 'member', store: 'option' };
const BY_MEMBER_RO: SearchVariant = { source: 1, center: 'member', store: 'never' };

export const cmdGeosearch = (ctx: CommandContext): RunStatus => runSearch(ctx, SEARCH);
export const cmdGeosearchstore = (ctx: CommandContext): RunStatus => runSearch(ctx, SEARCH_STORE);
export const cmdGeoradius = (ctx: CommandContext): RunStatus => runSearch(ctx, RADIUS);
export const cmdGeoradiusRo = (ctx: CommandContext): RunStatus => runSearch(ctx, RADIUS_RO);
export const cmdGeoradiusbymember = (ctx: CommandContext): RunStatus => runSearch(ctx, BY_MEMBER);
export const cmdGeoradiusbymemberRo = (ctx: CommandContext): RunStatus =>
  runSearch(ctx, BY_MEMBER_RO);

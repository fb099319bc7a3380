/** Geo: GEODIST, GEOHASH, GEOPOS. */
import { distanceMeters, geohashText, Position } from '../base/geohash.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type OneKeyRow, readTyped } from './collection.ts';
import { distanceText, unitOrReply } from './geo-args.ts';
import { type CommandContext, DONE, ESCALATE, type RunStatus } from './spec.ts';

const MEMBER_1 = 2;
const MEMBER_2 = 3;
const UNIT = 4;

const from = new Position();
const to = new Position();

/** Sets `into` to where the member in argument `index` is; false when it is none. */
function locateMember(ctx: CommandContext, ref: Ref, index: number, into: Position): boolean {
  if (ref === 0) return false;
  const { buf, offset } = ctx.args;
  const set = ctx.at(1).zsets;
  if (!set.scoreOf(ref, buf, offset[index]!, ctx.args.end(index))) return false;
  into.locate(set.score);
  return true;
}

function cmdGeodist(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const unitMeters = args.count === UNIT + 1 ? unitOrReply(ctx, UNIT) : 1;
  if (Number.isNaN(unitMeters)) return DONE;
  if (args.count > UNIT + 1) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const ref = readTyped(ctx, 1, TYPE_ZSET);
  if (ref < 0) return DONE;
  if (!locateMember(ctx, ref, MEMBER_1, from) || !locateMember(ctx, ref, MEMBER_2, to)) {
    reply.null();
    return DONE;
  }
  const meters = distanceMeters(from.longitude, from.latitude, to.longitude, to.latitude);
  reply.bulkLatin1(distanceText(meters / unitMeters));
  return DONE;
}

function cmdGeohash(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE_ZSET);
  if (ref < 0) return DONE;
  reply.array(args.count - MEMBER_1);
  for (let i = MEMBER_1; i < args.count; i++) {
    if (!locateMember(ctx, ref, i, from)) reply.null();
    else reply.bulkLatin1(geohashText(from.longitude, from.latitude));
  }
  return DONE;
}

function cmdGeopos(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE_ZSET);
  if (ref < 0) return DONE;
  reply.array(args.count - MEMBER_1);
  for (let i = MEMBER_1; i < args.count; i++) {
    if (!locateMember(ctx, ref, i, from)) {
      reply.nullArray();
      continue;
    }
    reply.array(2);
    reply.double(from.longitude);
    reply.double(from.latitude);
  }
  return DONE;
}

export const GEO_READ_ROWS: readonly OneKeyRow[] = [
  {
    name: 'geodist',
    summary: 'Returns the distance between two members.',
    since: '3.2.0',
    arity: -4,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: "key member1 member2 ['m' | 'km' | 'ft' | 'mi']",
    run: cmdGeodist,
  },
  {
    name: 'geohash',
    summary: 'Returns where members are, as geohash texts.',
    since: '3.2.0',
    arity: -2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key [member [member ...]]',
    run: cmdGeohash,
  },
  {
    name: 'geopos',
    summary: 'Returns longitude and latitude of members.',
    since: '3.2.0',
    arity: -2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key [member [member ...]]',
    run: cmdGeopos,
  },
];

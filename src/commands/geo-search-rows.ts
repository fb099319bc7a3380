/** Geo: the rows of the search commands. */
import {
  cmdGeoradius,
  cmdGeoradiusbymember,
  cmdGeoradiusbymemberRo,
  cmdGeoradiusRo,
  cmdGeosearch,
  cmdGeosearchstore,
} from './geo-search.ts';
import {
  type CommandContext,
  type CommandSpec,
  type KeySpec,
  oneKey,
  type RunStatus,
} from './spec.ts';

const UNIT = "<'m' | 'km' | 'ft' | 'mi'>";
const CENTER = '<FROMMEMBER member | FROMLONLAT longitude:double latitude:double>';
const CIRCLE = `<BYRADIUS radius:double> ${UNIT}`;
const BOX = `<BYBOX width:double> height:double ${UNIT}`;
const SHAPE = `<${CIRCLE} | ${BOX}>`;
const ORDER = '[ASC | DESC]';
const COUNT = '[<COUNT count:integer> [ANY]]';
const SHOWN = '[WITHCOORD] [WITHDIST] [WITHHASH]';
const STORE = '[STORE key | STOREDIST key]';
const POSITION = `key longitude:double latitude:double radius:double ${UNIT}`;
const MEMBER = `key member radius:double ${UNIT}`;

function storeKey(keyword: string, begin: number): KeySpec {
  const find = { kind: 'range', last: 0, step: 1, limit: 0 } as const;
  return { flags: ['OW', 'UPDATE'], begin, keyword, find };
}

function radiusRow(
  name: string,
  since: string,
  arity: number,
  syntax: string,
  run: (ctx: CommandContext) => RunStatus,
): CommandSpec {
  const isReadOnly = name.endsWith('_ro');
  const stores = isReadOnly ? [] : [storeKey('STORE', -arity), storeKey('STOREDIST', -arity)];
  return {
    name,
    summary: isReadOnly
      ? 'Returns members within a distance of a centre.'
      : 'Returns members within a distance of a centre, or stores them.',
    since,
    group: 'geo',
    arity,
    flags: isReadOnly ? ['readonly'] : ['write', 'denyoom'],
    acl: ['geo'],
    keys: [oneKey(1, 'RO', 'ACCESS'), ...stores],
    syntax: `${syntax} ${SHOWN} ${COUNT} ${ORDER}${isReadOnly ? '' : ` ${STORE}`}`,
    place: 'shard',
    shards: 'keys',
    run,
  };
}

export const GEO_SEARCH_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'geosearch',
    summary: 'Returns members inside a circle or a box.',
    since: '6.2.0',
    group: 'geo',
    arity: -7,
    flags: ['readonly'],
    acl: ['geo'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: `key ${CENTER} ${SHAPE} ${ORDER} ${COUNT} ${SHOWN}`,
    place: 'shard',
    shards: 'keys',
    run: cmdGeosearch,
  },
  {
    name: 'geosearchstore',
    summary: 'Stores members inside a circle or a box, with their positions or distances.',
    since: '6.2.0',
    group: 'geo',
    arity: -8,
    flags: ['write', 'denyoom'],
    acl: ['geo'],
    keys: [oneKey(1, 'OW', 'UPDATE'), oneKey(2, 'RO', 'ACCESS')],
    syntax: `destination source ${CENTER} ${SHAPE} ${ORDER} ${COUNT} [STOREDIST]`,
    place: 'shard',
    shards: 'keys',
    run: cmdGeosearchstore,
  },
  radiusRow('georadius', '3.2.0', -6, POSITION, cmdGeoradius),
  radiusRow('georadius_ro', '3.2.10', -6, POSITION, cmdGeoradiusRo),
  radiusRow('georadiusbymember', '3.2.0', -5, MEMBER, cmdGeoradiusbymember),
  radiusRow('georadiusbymember_ro', '3.2.10', -5, MEMBER, cmdGeoradiusbymemberRo),
];

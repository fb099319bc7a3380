/**
 * Random commands on positions. Keys of their own: in sets that ZADD made many members would have
 * one distance, and their order is nobody's business. Results of STOREDIST are not compared here,
 * because sines may differ in their last bit.
 */
import { EDGES, PLACES } from '../support/places.ts';
import { all, from, maybe, type Part, some, type Template, word } from './diff-template.ts';

const places = [...PLACES, ...EDGES];

const key = word('g1', 'g2', 'g3', 'g4');
const any = word('g1', 'g2', 'g3', 'g4', 'g-string', 'g-none');
const place: Part = (random) => random.pick(places);
const member: Part = (random) => (random.oneIn(12) ? 'none' : random.pick(places)[2]);
const position: Part = (random) =>
  random.oneIn(12)
    ? random.pick([
        ['181', '0'],
        ['0', '-85.06'],
        ['x', '0'],
        ['0', 'inf'],
      ])
    : random.pick(places).slice(0, 2);
const unit = word('m', 'km', 'km', 'KM', 'ft', 'mi', 'mi', 'yd');
const length: Part = (random) =>
  random.oneIn(10)
    ? random.pick(['0', '-1', 'x', '1e9', 'inf', '0.5'])
    : String(random.below(10 ** (1 + random.below(5))));
const count = from(['1', '2', '5', '20', '100', '0', '-1', 'x']);
const option: Part = (random) =>
  random.pick([
    word('WITHDIST', 'WITHCOORD', 'WITHHASH', 'withdist'),
    word('ASC', 'DESC'),
    all(word('COUNT'), count),
    all(word('COUNT'), count, word('ANY')),
  ])(random);
const options = some(4, option);
const center: Part = (random) =>
  random.oneIn(2)
    ? all(word('FROMMEMBER'), member)(random)
    : all(word('FROMLONLAT'), position)(random);
const shape: Part = (random) =>
  random.oneIn(2)
    ? all(word('BYRADIUS'), length, unit)(random)
    : all(word('BYBOX'), length, length, unit)(random);
const store = maybe(word('STORE'), key);

export const GEO: readonly Template[] = [
  ['CONFIG', word('SET'), word('zset-max-listpack-entries'), word('0', '8', '64', '128')],
  ['DEL', any],
  ['EXPIRE', key, word('1000', '-1')],
  ['SET', word('g-string'), word('x')],
  ['ZREM', key, member],
  ['ZCARD', key],
  ['TYPE', any],
  ['GEOADD', key, place, some(20, place)],
  ['GEOADD', key, place, some(60, place)],
  ['GEOADD', key, word('NX', 'XX', 'CH'), maybe(word('CH', 'NX')), place, some(4, place)],
  ['GEODIST', any, member, member, maybe(unit)],
  ['GEOPOS', any, some(5, member)],
  ['GEOHASH', any, some(5, member)],
  ['GEOSEARCH', any, center, shape, options],
  ['GEOSEARCH', any, shape, options, center],
  ['GEOSEARCH', key, center, shape, options],
  ['GEOSEARCHSTORE', key, any, center, shape, options],
  ['GEORADIUS', any, position, length, unit, options, store],
  ['GEORADIUS_RO', any, position, length, unit, options],
  ['GEORADIUSBYMEMBER', any, member, length, unit, options, store],
  ['GEORADIUSBYMEMBER_RO', any, member, length, unit, options],
];

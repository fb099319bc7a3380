import { describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { GEO_COMMANDS } from '../../src/commands/geo.ts';
import { distanceText } from '../../src/commands/geo-args.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import {
  array,
  bulk,
  error,
  FULL,
  integer,
  NOT_INTEGER,
  NULL,
  OK,
  type Row,
  SYNTAX,
  table,
  WRONG_TYPE,
} from '../conformance/table.ts';
import { LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...ZSET_COMMANDS, ...GEO_COMMANDS];
const NOT_FLOAT = error('ERR value is not a valid float');
const UNIT = error('ERR unsupported unit provided. please use M, KM, FT, MI');
const NO_MEMBER = error('ERR could not decode requested zset member');
const NOT_COMPATIBLE = 'is not compatible with WITHDIST, WITHHASH and WITHCOORD options';
const PALERMO = ['13.361389', '38.115556', 'Palermo'];
const CATANIA = ['15.087269', '37.502669', 'Catania'];
const AGRIGENTO = ['13.583333', '37.316667', 'Agrigento'];
const HASHES = { Palermo: '3479099956230698', Catania: '3479447370796909' };

/** A reply in RESP2 and in RESP3, where coordinates are doubles. */
function pair(of: (coordinate: (text: string) => string) => string): [string, string] {
  return [of(bulk), of((text) => `,${text}\r\n`)];
}

const names = (...members: readonly string[]): string => array(...members.map(bulk));
const palermo = (of: (text: string) => string): string =>
  array(of('13.361389338970184'), of('38.1155563954963'));

const rows: readonly Row[] = [
  [['GEOADD', 'g', ...PALERMO, ...CATANIA], integer(2)],
  [['GEOADD', 'g', ...PALERMO], integer(0)],
  [['GEOADD', 'g', 'NX', '1', '2', 'Palermo'], integer(0)],
  [['GEOADD', 'g', 'XX', 'CH', '1', '2', 'Palermo'], integer(1)],
  [['GEOADD', 'g', 'ch', ...PALERMO, ...AGRIGENTO], integer(2)],
  [['GEOADD', 'none', 'XX', ...PALERMO], integer(0)],
  [['EXISTS', 'none'], integer(0)],
  [['ZSCORE', 'g', 'Palermo'], bulk(HASHES.Palermo), `,${HASHES.Palermo}\r\n`],
  [['GEODIST', 'g', 'Palermo', 'Catania'], bulk('166274.1516')],
  [['GEODIST', 'g', 'Palermo', 'Catania', 'KM'], bulk('166.2742')],
  [['GEODIST', 'g', 'Palermo', 'Catania', 'mi'], bulk('103.3182')],
  [['GEODIST', 'g', 'Palermo', 'Catania', 'ft'], bulk('545518.8700')],
  [['GEODIST', 'g', 'Palermo', 'Palermo'], bulk('0.0000')],
  [['GEODIST', 'g', 'Palermo', 'x'], NULL],
  [['GEODIST', 'none', 'Palermo', 'x'], NULL],
  [['GEODIST', 'g', 'Palermo', 'Catania', 'yd'], UNIT],
  [['GEODIST', 'g', 'Palermo', 'Catania', 'm', 'm'], SYNTAX],
  [
    ['GEOHASH', 'g', 'Palermo', 'x', 'Catania'],
    array(bulk('sqc8b49rny0'), NULL, bulk('sqdtr74hyu0')),
  ],
  [['GEOHASH', 'none', 'x'], array(NULL)],
  [['GEOHASH', 'g'], array()],
  [['GEOPOS', 'g'], array()],
  [['GEOPOS', 'g', 'Palermo'], ...pair((of) => array(palermo(of)))],
  [['GEOPOS', 'g', 'x'], array('*-1\r\n'), array('_\r\n')],
  [['GEOPOS', 'none', 'x'], array('*-1\r\n'), array('_\r\n')],
  [
    ['GEOSEARCH', 'g', 'FROMLONLAT', '15', '37', 'BYRADIUS', '200', 'km', 'ASC'],
    names('Catania', 'Agrigento', 'Palermo'),
  ],
  [
    ['GEOSEARCH', 'g', 'FROMLONLAT', '15', '37', 'BYBOX', '400', '400', 'km', 'DESC'],
    names('Palermo', 'Agrigento', 'Catania'),
  ],
  [['GEOSEARCH', 'g', 'BYRADIUS', '100', 'km', 'FROMMEMBER', 'Catania'], names('Catania')],
  [
    ['GEOSEARCH', 'g', 'FROMLONLAT', '15', '37', 'BYRADIUS', '200', 'km', 'COUNT', '1'],
    names('Catania'),
  ],
  [['GEOSEARCH', 'g', 'FROMLONLAT', '15', '37', 'BYRADIUS', '1', 'm'], array()],
  [
    [
      'GEOSEARCH',
      'g',
      'FROMMEMBER',
      'Palermo',
      'BYRADIUS',
      '1',
      'm',
      'WITHDIST',
      'WITHHASH',
      'WITHCOORD',
    ],
    ...pair((of) =>
      array(array(bulk('Palermo'), bulk('0.0000'), integer(HASHES.Palermo), palermo(of))),
    ),
  ],
  [['GEOSEARCH', 'none', 'FROMMEMBER', 'x', 'BYRADIUS', '1', 'm'], array()],
  [
    ['GEORADIUS', 'g', '15', '37', '200', 'km', 'WITHDIST', 'COUNT', '1'],
    array(array(bulk('Catania'), bulk('56.4413'))),
  ],
  [['GEORADIUS_RO', 'g', '15', '37', '100', 'km'], names('Catania')],
  [['GEORADIUSBYMEMBER', 'g', 'Agrigento', '100', 'km', 'ASC'], names('Agrigento', 'Palermo')],
  [['GEORADIUSBYMEMBER_RO', 'g', 'Agrigento', '100', 'km', 'DESC'], names('Palermo', 'Agrigento')],
  [['GEORADIUSBYMEMBER', 'none', 'x', 'no', 'unit'], array()],
  [['GEOSEARCHSTORE', 'd', 'g', 'FROMLONLAT', '15', '37', 'BYRADIUS', '200', 'km'], integer(3)],
  [['GEOHASH', 'd', 'Palermo'], array(bulk('sqc8b49rny0'))],
  [
    [
      'GEOSEARCHSTORE',
      'd',
      'g',
      'FROMLONLAT',
      '15',
      '37',
      'BYRADIUS',
      '200',
      'km',
      'COUNT',
      '2',
      'STOREDIST',
    ],
    integer(2),
  ],
  [['ZRANGE', 'd', '0', '-1'], names('Catania', 'Agrigento')],
  [['GEORADIUS', 'g', '15', '37', '200', 'km', 'STORE', 'e', 'STOREDIST', 'd'], integer(3)],
  [['EXISTS', 'e'], integer(0)],
  [['ZRANGE', 'd', '0', '-1'], names('Catania', 'Agrigento', 'Palermo')],
  [['GEORADIUSBYMEMBER', 'g', 'Catania', '1', 'm', 'STORE', 'd'], integer(1)],
  [['GEOSEARCHSTORE', 'd', 'g', 'FROMLONLAT', '0', '0', 'BYRADIUS', '1', 'm'], integer(0)],
  [['EXISTS', 'd'], integer(0)],
  [['GEOSEARCHSTORE', 'g', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm'], integer(1)],
  [['GEORADIUS', 'none', '1', '1', '1', 'm', 'STORE', 'g'], integer(0)],
  [['EXISTS', 'g'], integer(0)],
];

const errors: readonly Row[] = [
  [['GEOADD', 'g', ...PALERMO], integer(1)],
  [['GEOADD', 'g', '1', '2'], error("ERR wrong number of arguments for 'geoadd' command")],
  [['GEOADD', 'g', '1', '2', 'a', '3'], SYNTAX],
  [['GEOADD', 'g', 'NX', 'XX', ...PALERMO], SYNTAX],
  [['GEOADD', 'g', 'CH', 'CH', 'CH'], SYNTAX],
  [['GEOADD', 'g', 'x', '1', 'a'], NOT_FLOAT],
  [['GEOADD', 'g', '1', 'nan', 'a'], NOT_FLOAT],
  [
    ['GEOADD', 'g', '181', '-1', 'a'],
    error('ERR invalid longitude,latitude pair 181.000000,-1.000000'),
  ],
  [
    ['GEOADD', 'g', '1', '86', 'a'],
    error('ERR invalid longitude,latitude pair 1.000000,86.000000'),
  ],
  [
    ['GEOADD', 'g', '1e22', '-inf', 'a'],
    error(`ERR invalid longitude,latitude pair 1${'0'.repeat(22)}.000000,-inf`),
  ],
  [['GEOADD', 'g', '1', '1', 'new', '1', 'x', 'b'], NOT_FLOAT],
  [['ZCARD', 'g'], integer(1)],
  [
    ['GEOSEARCH', 'g', 'FROMLONLAT', '1', '1', 'ASC', 'ASC', 'ASC'],
    error('ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH'),
  ],
  [
    ['GeoSearch', 'g', 'BYRADIUS', '1', 'm', 'ASC', 'ASC'],
    error('ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GeoSearch'),
  ],
  [
    ['GEOSEARCH', 'g', 'FROMLONLAT', '1', '1', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm'],
    SYNTAX,
  ],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm', 'BYBOX', '1', '1', 'm'],
    SYNTAX,
  ],
  [['GEOSEARCH', 'g', 'FROMMEMBER', 'none', 'BYRADIUS', '1', 'm'], NO_MEMBER],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', 'x', 'm'],
    error('ERR need numeric radius'),
  ],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '-1', 'm'],
    error('ERR radius cannot be negative'),
  ],
  [['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'x'], UNIT],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYBOX', 'x', '1', 'm'],
    error('ERR need numeric width'),
  ],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYBOX', '1', 'x', 'm'],
    error('ERR need numeric height'),
  ],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYBOX', '1', '-1', 'm'],
    error('ERR height or width cannot be negative'),
  ],
  [['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYBOX', '1', '1', 'x'], UNIT],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm', 'COUNT', '0'],
    error('ERR COUNT must be > 0'),
  ],
  [['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm', 'COUNT', 'x'], NOT_INTEGER],
  [
    ['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm', 'ANY'],
    error('ERR the ANY argument requires COUNT argument'),
  ],
  [['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm', 'STORE', 'd'], SYNTAX],
  [['GEOSEARCH', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm', 'STOREDIST'], SYNTAX],
  [
    ['GEOSEARCHSTORE', 'd', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm', 'WITHDIST'],
    error(`ERR GEOSEARCHSTORE ${NOT_COMPATIBLE}`),
  ],
  [
    ['GEORADIUS', 'g', '1', '1', '1', 'm', 'WITHCOORD', 'STORE', 'd'],
    error(`ERR STORE option in GEORADIUS ${NOT_COMPATIBLE}`),
  ],
  [['GEORADIUS_RO', 'g', '1', '1', '1', 'm', 'STORE', 'd'], SYNTAX],
  [['GEORADIUSBYMEMBER_RO', 'g', 'Palermo', '1', 'm', 'STORE', 'd'], SYNTAX],
  [
    ['GEORADIUS', 'g', '200', '1', '1', 'm'],
    error('ERR invalid longitude,latitude pair 200.000000,1.000000'),
  ],
  [['GEORADIUSBYMEMBER', 'g', 'none', '1', 'm'], NO_MEMBER],
  [['SET', 'str', 'x'], OK],
  [['GEOADD', 'str', ...PALERMO], WRONG_TYPE],
  [['GEODIST', 'str', 'a', 'b'], WRONG_TYPE],
  [['GEOHASH', 'str', 'a'], WRONG_TYPE],
  [['GEOPOS', 'str', 'a'], WRONG_TYPE],
  [['GEOSEARCH', 'str', 'FROMMEMBER', 'a', 'BYRADIUS', '1', 'm'], WRONG_TYPE],
  [['GEOSEARCHSTORE', 'str', 'g', 'FROMMEMBER', 'Palermo', 'BYRADIUS', '1', 'm'], integer(1)],
  [['TYPE', 'str'], '+zset\r\n'],
];

table('geo as listpack', SPECS, rows);
table('geo as skiplist', SPECS, rows, (runner) => {
  runner.state.limits.zsetMaxListpackEntries = 0;
});
table('arguments of geo commands', SPECS, errors);

test.each([
  [0, '0.0000'],
  [0.00004, '0.0000'],
  [0.03125, '0.0312'],
  [0.09375, '0.0938'],
  [0.99996, '1.0000'],
  [123456.78905, '123456.7890'],
  [20_015_087.79635, '20015087.7964'],
])('distance %d is shown as %s', (distance, text) => {
  expect(distanceText(distance)).toBe(text);
});

describe('geo', () => {
  test('COUNT with ANY stops when it has enough, and sorts what it has', () => {
    const runner = new LocalRunner(SPECS, { shards: 1 });
    for (let i = 0; i < 500; i++) runner.run('GEOADD', 'g', i / 1000, i / 1000, `m${i}`);
    const search = ['GEOSEARCH', 'g', 'FROMLONLAT', '0', '0', 'BYRADIUS', '1000', 'km'];
    const any = runner.run(...search, 'COUNT', '100', 'ANY');
    const all = runner.run(...search);
    expect(any.startsWith('*100\r\n')).toBe(true);
    expect(all.startsWith('*500\r\n')).toBe(true);
    expect(all.slice(6).startsWith(any.slice(6))).toBe(true);
    const sorted = runner.run(...search, 'COUNT', '100', 'ANY', 'DESC');
    expect(sorted.startsWith('*100\r\n')).toBe(true);
    expect(sorted).not.toBe(any);
    expect(sorted.split('\r\n').sort()).toEqual(any.split('\r\n').sort());
  });

  test('a huge search leaves no huge buffers, and the next one is right', () => {
    const runner = new LocalRunner(SPECS, { shards: 1 });
    const members = Array.from({ length: 3000 }, (_, i) => [
      i / 100,
      i / 100,
      `m${i}-${'x'.repeat(200)}`,
    ]);
    runner.run('GEOADD', 'g', ...members.flat());
    const search = ['GEOSEARCH', 'g', 'FROMLONLAT', '0', '0', 'BYRADIUS', '9000', 'km'];
    expect(runner.run(...search).startsWith('*3000\r\n')).toBe(true);
    expect(runner.run(...search, 'COUNT', '1')).toBe(array(bulk(`m0-${'x'.repeat(200)}`)));
  });

  test('in a full arena nothing changes', () => {
    const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 21 });
    const members = Array.from({ length: 100 }, (_, i) => [i / 10, i / 10, `member:${i}`]);
    runner.run('GEOADD', 'g', ...members.flat());
    let size = 1 << 18;
    for (let i = 0; size >= 8; i++) {
      if (runner.run('SET', `fill${i}`, 'x'.repeat(size)) === FULL) size >>= 1;
    }
    const before = runner.run('ZRANGE', 'g', '0', '-1');
    const search = ['FROMLONLAT', '0', '0', 'BYRADIUS', '9000', 'km'];
    expect(runner.run('GEOADD', 'new', ...members.flat())).toBe(FULL);
    expect(runner.run('GEOADD', 'g', '1', '1', 'y'.repeat(3000))).toBe(FULL);
    expect(runner.run('GEOSEARCHSTORE', 'd', 'g', ...search)).toBe(FULL);
    expect(runner.run('GEOSEARCHSTORE', 'g', 'g', ...search)).toBe(FULL);
    expect(runner.run('EXISTS', 'new', 'd')).toBe(integer(0));
    expect(runner.run('ZRANGE', 'g', '0', '-1')).toBe(before);
    runner.checkInvariants();
  });
});

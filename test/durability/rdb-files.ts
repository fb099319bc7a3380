/** Snapshot files written by hand, and ways to load them, for tests. */
import { KeyBuilder, KeyRouter, type RecordSink } from '../../src/durability/load-stream.ts';
import type { ByteSource } from '../../src/durability/rdb-input.ts';
import { KeyspaceLoader } from '../../src/durability/snapshot-load.ts';
import {
  type SnapshotProblem,
  SnapshotReader,
  type SnapshotReadOptions,
} from '../../src/durability/snapshot-read.ts';
import { LocalRunner } from '../support/local-runner.ts';
import {
  bytesOf,
  crcOf,
  DATA_COMMANDS,
  element,
  length,
  listpack,
  little,
  type Part,
  string,
  text,
  ziplist,
  ziplistText,
  zipmap,
} from './payload.ts';
import { groupOf, producerOf, producersOf, rawOf, streamOf } from './stream-payload.ts';

/** Later than any test runs. */
const LATER_MS = 4_000_000_000_000;
const LATER_SECONDS = 2_100_000_000;

/** A file: head, parts, end, checksum. */
export function fileOf(version: string, ...parts: readonly Part[]): Buffer {
  const head = bytesOf(`REDIS${version}`, ...parts, [255]);
  return bytesOf(head, crcOf(head));
}

/** The same without a checksum, so that damage is looked at. */
export function uncheckedFileOf(version: string, ...parts: readonly Part[]): Buffer {
  return bytesOf(`REDIS${version}`, ...parts, [255], Buffer.alloc(8));
}

/** A key of RDB type `type`. */
export function keyOf(name: Part, type: number, ...value: readonly Part[]): Buffer {
  return bytesOf([type], string(name), ...value);
}

const double = (x: number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(x);
  return out;
};

const PAIRS = [text('f'), element([7]), text('g'), text('value')];
const INTSET = bytesOf([2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 2, 0, 9, 0]);

/** A value of every type that Redis 2.6 to 7.0 write. */
export const OLD_KEYS: readonly Buffer[] = [
  keyOf('raw', 0, string('hello world')),
  keyOf('int8', 0, [0xc0, 0x85]),
  keyOf('int16', 0, [0xc1, 0, 0x80]),
  keyOf('int32', 0, [0xc2, 0xff, 0xff, 0xff, 0x7f]),
  keyOf('lzf', 0, [0xc3, 5, 10, 0, 0x61, 0xe0, 0, 0]),
  keyOf('list', 1, [2], string('a'), [0xc0, 7]),
  keyOf('set', 2, [2], string('a'), string('bb')),
  keyOf('ints', 2, [2], [0xc0, 5], string('6')),
  keyOf('zset1', 3, [3], string('a'), [3], '1.5', string('b'), [254], string('c'), [2], '-7'),
  keyOf('hash', 4, [1], string('f'), string('v')),
  keyOf('zset2', 5, [2], string('b'), double(2.25), string('a'), double(-1)),
  keyOf(
    'zipmap',
    9,
    string(
      zipmap(
        [
          ['a', '1'],
          ['bc', 'd'],
        ],
        1,
      ),
    ),
  ),
  keyOf('lziplist', 10, string(ziplist([ziplistText('a'), Buffer.of(0xf3), ziplistText('bc')]))),
  keyOf('intset', 11, string(INTSET)),
  keyOf('zziplist', 12, string(ziplist([ziplistText('a'), Buffer.of(0xf3)]))),
  keyOf('hziplist', 13, string(ziplist([ziplistText('a'), Buffer.of(0xc0, 1, 2)]))),
  keyOf('quicklist', 14, [1], string(ziplist([ziplistText('a')]))),
  keyOf('hlistpack', 16, string(listpack(PAIRS))),
  keyOf('zlistpack', 17, string(listpack([text('a'), text('1.5'), text('b'), element([7])]))),
  keyOf('stream', 15, streamOf(15, { groups: [groupOf(15, {})] })),
  keyOf('stream2', 19, streamOf(19, { groups: [groupOf(19, {})] })),
  keyOf('quicklist2', 18, [2], [2], string(listpack(PAIRS)), [1], string('plain')),
  bytesOf([252], little(LATER_MS, 8), keyOf('expires', 0, string('x'))),
  bytesOf([253], little(LATER_SECONDS, 4), keyOf('expires too', 0, string('x'))),
  bytesOf([252], little(1000, 8), [248, 9], keyOf('expired', 4, [1], string('f'), string('v'))),
  bytesOf([249, 77], keyOf('frequent', 0, string('x'))),
];

/** Values of the types that came after. */
export const NEW_KEYS: readonly Buffer[] = [
  keyOf('slistpack', 20, string(listpack([text('a'), element([7])]))),
  keyOf('hexpiry0', 22, [1], length(0), string('f'), string('v')),
  keyOf('hlistpack0', 23, string(listpack([text('f'), text('v'), element([0])]))),
  keyOf(
    'hexpiry',
    24,
    little(LATER_MS, 8),
    [2],
    [0],
    string('f'),
    string('v'),
    [1],
    string('g'),
    [0xc0, 5],
  ),
  keyOf('stream3', 21, streamOf(21, { groups: [groupOf(21, {})] })),
  keyOf(
    'stream4',
    26,
    streamOf(26, { producers: producersOf(9, 8, [producerOf('p', [['i', [1, 1]]])], 3, 4) }),
  ),
  keyOf(
    'stream5',
    27,
    streamOf(27, { groups: [groupOf(27, { released: [rawOf(5, 0)], owned: [rawOf(1, 1)] })] }),
  ),
  keyOf('hlistpackex', 25, little(0, 8), string(listpack([text('f'), text('v'), element([0])]))),
];

/** Parts of a file with all of these keys, in two databases, and everything beside keys. */
export function partsOf(keys: readonly Buffer[]): readonly Part[] {
  const half = keys.length >> 1;
  return [
    [250],
    string('redis-ver'),
    string('7.0.15'),
    [250],
    string('ctime'),
    [0xc2, 0, 0, 0, 0x60],
    [254, 0, 251],
    length(half),
    length(1),
    ...keys.slice(0, half),
    [254, 3],
    ...keys.slice(half),
  ];
}

/** A file in memory. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  let at = 0;
  return {
    get left() {
      return bytes.length - at;
    },
    read: (into, to, count) => {
      const end = Math.min(at + count, bytes.length);
      into.set(bytes.subarray(at, end), to);
      const taken = end - at;
      at = end;
      return taken;
    },
  };
}

/** A server without threads to load files into. */
export function newKeyspace(shards: number): LocalRunner {
  return new LocalRunner(DATA_COMMANDS, { shards, arenaBytes: 1 << 24 });
}

/** What loading came to. */
export interface Outcome {
  readonly problem: SnapshotProblem | null;
  readonly keys: number;
  readonly expired: number;
}

/** How files are read here. */
export function optionsFor(runner: LocalRunner): SnapshotReadOptions {
  return { databases: 16, skipsChecksum: false, nowMs: runner.state.nowMs };
}

/** Loads a file as one thread does it. */
export function loadDirectly(runner: LocalRunner, bytes: Uint8Array): Outcome {
  const loader = new KeyspaceLoader(runner.shards, false);
  const reader = new SnapshotReader(loader, optionsFor(runner));
  const problem = reader.read(sourceOf(bytes));
  loader.finish();
  return { problem, keys: loader.keys, expired: reader.expired };
}

/**
 * Loads a file as several threads do it, one after the other: a router, and two builders; the
 * shards with a number of `own` are built by the router.
 */
export function loadInParts(runner: LocalRunner, bytes: Uint8Array, own: number[]): Outcome {
  const streams: Buffer[][] = [[], []];
  const sinks = streams.map(
    (parts): RecordSink => ({
      write: (buf, from, to) => parts.push(Buffer.from(buf.subarray(from, to))) !== 0,
      flush: () => undefined,
    }),
  );
  const has = (shard: number): boolean => own.includes(shard);
  const ownShards = { loader: new KeyspaceLoader(runner.shards, false, has), has };
  const { loader } = ownShards;
  const { hasher } = runner.shards[0]!;
  const router = new KeyRouter(sinks, ownShards, runner.shards.length, hasher, () => true);
  const reader = new SnapshotReader(router, optionsFor(runner));
  const found = [reader.read(sourceOf(bytes))];
  router.end(found[0] === null);
  loader.finish();
  let { keys } = loader;
  for (const [i, parts] of streams.entries()) {
    const isMine = (shard: number): boolean => !has(shard) && shard % streams.length === i;
    const built = new KeyspaceLoader(runner.shards, false, isMine);
    found.push(new KeyBuilder(built).run(sourceOf(Buffer.concat(parts)), () => true));
    built.finish();
    keys += built.keys;
  }
  const problems = found.filter((problem) => problem !== null);
  problems.sort((a, b) => a.offset - b.offset);
  return { problem: problems[0] ?? null, keys, expired: reader.expired };
}

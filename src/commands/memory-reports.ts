/** MEMORY STATS, DOCTOR, MALLOC-STATS and BIGKEYS: reports about the server as a whole. */
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { helpCommand } from './help.ts';
import type { BigKeyReport, BigKeyType, MemoryReport } from './insight-services.ts';
import { replyWhenDone, wordIs } from './session-reply.ts';
import type { CommandSpec, SessionCommandSpec, SessionContext } from './spec.ts';

const HELP = [
  'BIGKEYS [COUNT <count>]',
  '    The keys of each type that occupy most (10 unless told), by a walk over all keys in',
  '    slices, while everybody is served.',
  'DOCTOR',
  '    A report of memory problems.',
  'MALLOC-STATS',
  "    Figures of the shards' allocators.",
  'PURGE',
  '    Gives memory that holds nothing back to the system now.',
  'STATS',
  '    Memory usage of the whole server, by purpose.',
  'USAGE <key> [SAMPLES <count>]',
  '    Bytes that <key> and its value occupy. Of nested values <count> are looked at',
  '    (5 unless told, 0 for all).',
];

// ---- STATS

type Figure = readonly [string, number];

/** Fields of Redis that have no counterpart here are 0; clients read the map by name. */
function integers(memory: MemoryReport): Figure[] {
  const indexes = memory.databases.reduce((sum, { indexBytes }) => sum + indexBytes, 0);
  const resizingBytes = memory.databases.reduce((sum, db) => sum + db.resizingBytes, 0);
  const resizing = memory.databases.reduce((sum, db) => sum + db.resizing, 0);
  const net = Math.max(0, memory.used - memory.startup);
  return [
    ['overhead.db.hashtable.lut', indexes],
    ['overhead.db.hashtable.rehashing', resizingBytes],
    ['db.dict.rehashing.count', resizing],
    ['overhead.total', memory.overhead],
    ['keys.count', memory.keys],
    ['keys.bytes-per-key', memory.keys === 0 ? 0 : Math.floor(net / memory.keys)],
    ['dataset.bytes', Math.max(0, memory.used - memory.overhead)],
    ['allocator.allocated', memory.allocated],
    ['allocator.active', memory.active],
    ['allocator.resident', memory.resident],
    ['allocator.muzzy', memory.dirty],
    ['allocator-fragmentation.bytes', memory.active - memory.allocated],
    ['allocator-rss.bytes', memory.resident - memory.active],
    ['rss-overhead.bytes', memory.rss - memory.resident],
    ['fragmentation.bytes', memory.rss - memory.used],
  ];
}

function doubles(memory: MemoryReport): Figure[] {
  const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
  const net = memory.used - memory.startup;
  return [
    ['dataset.percentage', 100 * ratio(Math.max(0, memory.used - memory.overhead), net)],
    ['peak.percentage', 100 * ratio(memory.used, memory.peak)],
    ['allocator-fragmentation.ratio', ratio(memory.active, memory.allocated)],
    ['allocator-rss.ratio', ratio(memory.resident, memory.active)],
    ['rss-overhead.ratio', ratio(memory.rss, memory.resident)],
    ['fragmentation', ratio(memory.rss, memory.used)],
  ];
}

function cmdStats({ reply, server }: SessionContext): void {
  const memory = server.insight.memory();
  const first: readonly Figure[] = [
    ['peak.allocated', memory.peak],
    ['total.allocated', memory.used],
    ['startup.allocated', memory.startup],
    ['replication.backlog', 0],
    ['clients.slaves', 0],
    ['clients.normal', memory.clientBuffers],
    ['cluster.links', 0],
    ['aof.buffer', memory.aofBuffers],
    ['lua.caches', 0],
    ['functions.caches', 0],
    ['script.VMs', 0],
  ];
  const second = integers(memory);
  const last = doubles(memory);
  reply.map(first.length + memory.databases.length + second.length + last.length);
  writeIntegers(reply, first);
  for (const { db, indexBytes } of memory.databases) {
    reply.bulkLatin1(`db.${db}`);
    reply.map(2);
    // Times to live are parts of entries: no table of their own.
    writeIntegers(reply, [
      ['overhead.hashtable.main', indexBytes],
      ['overhead.hashtable.expires', 0],
    ]);
  }
  writeIntegers(reply, second);
  for (const [name, value] of last) {
    reply.bulkLatin1(name);
    reply.double(value);
  }
}

function writeIntegers(reply: ReplyWriter, figures: readonly Figure[]): void {
  for (const [name, value] of figures) {
    reply.bulkLatin1(name);
    reply.integer(value);
  }
}

// ---- DOCTOR and MALLOC-STATS

/** Below this a report would be about nothing. */
const USED_MIN = 5 * 1024 ** 2;
const PEAK_RATIO = 1.5;
const FRAGMENTATION_RATIO = 1.4;
const WASTE_MIN = 10 * 1024 ** 2;
const BUFFERS_PER_CLIENT = 200 * 1024;
const LIMIT_SHARE = 0.95;

function mib(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** What is wrong, one text for each problem. */
function problems(memory: MemoryReport): string[] {
  const found: string[] = [];
  if (memory.peak > memory.used * PEAK_RATIO) {
    found.push(
      `Peak: the server once used ${mib(memory.peak)}, now ${mib(memory.used)}. What is free ` +
        'goes back to the system by itself; MEMORY PURGE does it now.',
    );
  }
  const gap = memory.active - memory.allocated;
  if (memory.active > memory.allocated * FRAGMENTATION_RATIO && gap > WASTE_MIN) {
    found.push(
      `Fragmentation: ${mib(memory.active)} of pages hold ${mib(memory.allocated)} of data. ` +
        'CONFIG SET activedefrag yes moves it together.',
    );
  }
  if (memory.dirty > WASTE_MIN && memory.dirty > memory.allocated / 4) {
    found.push(
      `Free pages: ${mib(memory.dirty)} hold nothing and have not gone back to the system yet. ` +
        'MEMORY PURGE does it now.',
    );
  }
  if (memory.clients > 0 && memory.clientBuffers / memory.clients > BUFFERS_PER_CLIENT) {
    found.push(
      `Client buffers: ${memory.clients} clients have ${mib(memory.clientBuffers)} of buffers. ` +
        'See qbuf, omem and tot-mem in CLIENT LIST, client-output-buffer-limit and ' +
        'maxmemory-clients.',
    );
  }
  if (memory.maxmemory !== 0 && memory.used > memory.maxmemory * LIMIT_SHARE) {
    found.push(
      `Limit: ${mib(memory.used)} of maxmemory ${mib(memory.maxmemory)} are in use. MEMORY ` +
        'BIGKEYS shows the largest keys.',
    );
  }
  return found;
}

/** The report of MEMORY DOCTOR. */
export function memoryDoctor(memory: MemoryReport): string {
  if (memory.used - memory.startup < USED_MIN) {
    return (
      `There is little to examine: the server uses ${mib(memory.used - memory.startup)} ` +
      'beside what it takes when it is empty.\n'
    );
  }
  const found = problems(memory);
  if (found.length === 0) return 'No memory problem was found.\n';
  return `Memory problems:\n\n${found.map((text) => `* ${text}\n`).join('')}`;
}

function cmdDoctor({ reply, server }: SessionContext): void {
  reply.verbatim(memoryDoctor(server.insight.memory()), 'txt');
}

function cmdMallocStats({ reply, server }: SessionContext): void {
  let text = '';
  server.insight.memory().shards.forEach(({ used, held, touched, capacity }, shard) => {
    text += `shard ${shard}: used ${used} bytes in ${held} bytes of pages, committed at most `;
    text += `${touched} bytes, reserved ${capacity} bytes\n`;
  });
  reply.verbatim(text, 'txt');
}

// ---- BIGKEYS

const BIG_KEYS_DEFAULT = 10;
const BIG_KEYS_MAX = 128;

function cmdBigkeys(ctx: SessionContext): void {
  const { args, reply, server } = ctx;
  let count = BIG_KEYS_DEFAULT;
  if (args.count !== 2) {
    if (args.count !== 4 || !wordIs(ctx, 2, 'COUNT')) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return;
    }
    count = args.toInt(3);
    if (!(count >= 1 && count <= BIG_KEYS_MAX)) {
      reply.error(`ERR COUNT must be between 1 and ${BIG_KEYS_MAX}`);
      return;
    }
  }
  replyWhenDone<BigKeyReport>(
    ctx,
    (done) => server.insight.bigKeys(count, done),
    (writer, report) => writeBigKeys(writer, report),
  );
}

function writeBigKeys(reply: ReplyWriter, { tookMs, types }: BigKeyReport): void {
  const total = (field: 'keys' | 'bytes'): number =>
    types.reduce((sum, type) => sum + type[field], 0);
  reply.map(4);
  writeIntegers(reply, [
    ['keys', total('keys')],
    ['bytes', total('bytes')],
    ['walk-ms', tookMs],
  ]);
  reply.bulkLatin1('types');
  reply.map(types.length);
  for (const type of types) writeBigKeyType(reply, type);
}

function writeBigKeyType(reply: ReplyWriter, type: BigKeyType): void {
  reply.bulkLatin1(type.type);
  reply.map(4);
  writeIntegers(reply, [
    ['keys', type.keys],
    ['bytes', type.bytes],
    ['elements', type.elements],
  ]);
  reply.bulkLatin1('largest');
  reply.array(type.largest.length);
  for (const { db, key, bytes, elements } of type.largest) {
    reply.map(4);
    writeIntegers(reply, [['db', db]]);
    reply.bulkLatin1('key');
    reply.bulk(key, 0, key.length);
    writeIntegers(reply, [
      ['bytes', bytes],
      ['elements', elements],
    ]);
  }
}

function report(
  name: string,
  summary: string,
  run: (ctx: SessionContext) => void,
): SessionCommandSpec {
  return {
    name,
    summary,
    since: '4.0.0',
    group: 'server',
    arity: 2,
    flags: [],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run,
  };
}

export const MEMORY_REPORTS: readonly CommandSpec[] = [
  {
    ...report('bigkeys', 'Returns the largest keys of each type.', cmdBigkeys),
    since: '8.0.0',
    // It takes as long as a walk over all keys: nothing to hold all shards for.
    flags: ['no_multi'],
    arity: -2,
    syntax: '[COUNT count:integer]',
  },
  report('doctor', 'Reports memory problems.', cmdDoctor),
  helpCommand('MEMORY', { since: '4.0.0', group: 'server', acl: [] }, HELP),
  report('malloc-stats', 'Returns figures of the allocators.', cmdMallocStats),
  report('stats', 'Returns the memory usage of the server.', cmdStats),
];

/**
 * Replies about streams of two servers of different versions: facts that only one of them has, or
 * counts otherwise, and times, which two clocks tell.
 */
import { type Decoded, decodeReply } from './decode-reply.ts';

/**
 * Facts of XINFO that Redis 7.0 lacks or that are a server's own affair. Consumers are seen and
 * active at the times of two clocks.
 */
const LEFT_OUT: ReadonlySet<Decoded> = new Set([
  ...['idmp-duration', 'idmp-maxsize', 'pids-tracked', 'iids-tracked', 'iids-added'],
  ...['iids-duplicates', 'nacked-count', 'active-time', 'inactive', 'seen-time', 'idle'],
  'radix-tree-nodes',
]);
/**
 * How far groups have come: counted otherwise since 7.4 where entries are gone, or come yet to be
 * delivered all.
 */
const COUNTED_OTHERWISE: ReadonlySet<Decoded> = new Set(['entries-read', 'lag']);
/** Consumers that have claimed nothing come into being, too, since 7.2. */
const CONSUMERS = 'consumers';

/** Idle times are told apart by more than this; both servers have what is asked at once. */
const STEP_MS = 100_000;
/** Times of delivery before this were given by a command, and are the same on both. */
const GIVEN_MS_MAX = 1e12;

interface Shown {
  /** The first ID of a stream from which nothing is gone, where counts of groups are compared. */
  readonly first: string | null;
}

const asList = (value: Decoded): readonly Decoded[] => value as readonly Decoded[];

/** Names and values in turn, without those that are not compared. */
function facts(value: Decoded, shown: Shown): Decoded {
  const list = asList(value);
  const kept: Decoded[] = [];
  const isCounted =
    shown.first !== null && isBehind(factOf(list, 'last-delivered-id'), shown.first);
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i]!;
    if (LEFT_OUT.has(name) || (!isCounted && COUNTED_OTHERWISE.has(name))) continue;
    kept.push(name, fact(name, list[i + 1]!, shown));
  }
  return kept;
}

/** Whether an ID is not less than the other; what is none is not. */
function isBehind(id: Decoded, other: string): boolean {
  if (typeof id !== 'string') return false;
  const [a, b] = [id.split('-').map(BigInt), other.split('-').map(BigInt)];
  return a[0] === b[0] ? a[1]! >= b[1]! : a[0]! > b[0]!;
}

/** The value of a name in a list of names and values; undefined where there is none. */
function factOf(list: readonly Decoded[], name: string): Decoded {
  const at = list.indexOf(name);
  return at < 0 ? null : list[at + 1]!;
}

function fact(name: Decoded, value: Decoded, shown: Shown): Decoded {
  if (name === CONSUMERS) return Array.isArray(value) ? consumers(value, shown) : 'some';
  if (!Array.isArray(value)) return value;
  if (name === 'groups') return value.map((one: Decoded) => facts(one, shown));
  if (name === 'pending' || name === 'pel') return value.map(delivery);
  return value;
}

/** A pending entry: the time of its delivery stands before the number of deliveries. */
function delivery(value: Decoded): Decoded {
  const list = asList(value);
  return list.map((one, i) => (i === list.length - 2 ? clock(one) : one));
}

const clock = (value: Decoded): Decoded => {
  return typeof value !== 'number' || value < GIVEN_MS_MAX ? value : Math.round(value / STEP_MS);
};

function consumers(value: Decoded, shown: Shown): Decoded {
  return asList(value)
    .filter((one) => pendingOf(one) !== 0)
    .map((one) => facts(one, shown));
}

/** The count of a consumer's pending entries, of which XINFO STREAM FULL has two facts. */
function pendingOf(consumer: Decoded): Decoded {
  const list = asList(consumer);
  return factOf(list, list.includes('pel-count') ? 'pel-count' : 'pending');
}

function isArray(reply: string): boolean {
  return reply[0] === '*' || reply[0] === '%';
}

/** The first ID of the stream that a reply to XINFO STREAM is about; null where some are gone. */
function firstOfAll(value: Decoded): string | null {
  const list = asList(value);
  const isWhole = factOf(list, 'max-deleted-entry-id') === '0-0';
  if (!isWhole || factOf(list, 'entries-added') !== factOf(list, 'length')) return null;
  return factOf(list, 'recorded-first-entry-id') as string;
}

/** Whether two replies to XINFO with this sub-command say the same. */
export function isSameStreamInfo(sub: string, real: string, ours: string): boolean {
  if (!isArray(real) || !isArray(ours)) return false;
  const text = (value: Decoded): string => {
    if (sub === 'CONSUMERS') return JSON.stringify(consumers(value, { first: null }));
    if (sub !== 'GROUPS') return JSON.stringify(facts(value, { first: firstOfAll(value) }));
    return JSON.stringify(asList(value).map((one) => facts(one, { first: null })));
  };
  return text(decodeReply(real)) === text(decodeReply(ours));
}

/** Whether two replies to XPENDING are the same but for a little idle time. */
export function isSamePending(real: string, ours: string): boolean {
  if (real[0] !== '*' || ours[0] !== '*') return false;
  const text = (reply: string): string => {
    return JSON.stringify(decodeReply(reply), (at, value: unknown) =>
      at === '2' && typeof value === 'number' ? Math.round(value / STEP_MS) : value,
    );
  };
  return text(real) === text(ours);
}

/**
 * Replies about streams of two servers of different versions: facts that only one of them has, or
 * counts otherwise, and times, which two clocks tell.
 */
import { type Decoded, decodeReply } from './decode-reply.ts';

/**
 * Facts of XINFO that Redis 7.0 lacks, that are a server's own affair (nodes whose entries are all
 * gone stay in Redis where XTRIM comes to their end), or that two clocks tell. How
 * far groups have come is counted otherwise since 7.4 where entries are gone or the first is yet to
 * be delivered, and limited by the count of entries added since 8.2.2 (XSETID: later);
 * `isProgressPossible` looks at ours.
 */
const LEFT_OUT: ReadonlySet<Decoded> = new Set([
  ...['idmp-duration', 'idmp-maxsize', 'pids-tracked', 'iids-tracked', 'iids-added'],
  ...['iids-duplicates', 'nacked-count', 'active-time', 'inactive', 'seen-time', 'idle'],
  ...['radix-tree-keys', 'radix-tree-nodes', 'entries-read', 'lag'],
]);

/** Both servers are asked at once; the idle times that commands give are further apart. */
const MS_APART_MAX = 20_000;
/** Times of delivery before this were given by a command, and are the same on both. */
const GIVEN_MS_MAX = 1e12;

/** Deliveries are counted up to here; Redis goes on with negative numbers. */
export const DELIVERIES_END = 2 ** 63;

const asList = (value: Decoded): readonly Decoded[] => value as readonly Decoded[];

/** Names and values in turn, without those that are not compared. */
function facts(value: Decoded): Decoded {
  const list = asList(value);
  const kept: Decoded[] = [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i]!;
    if (!LEFT_OUT.has(name)) kept.push(name, fact(name, list[i + 1]!));
  }
  return kept;
}

/** Consumers that have got nothing come into being, too, since 7.2: they do not count. */
function fact(name: Decoded, value: Decoded): Decoded {
  if (name === 'consumers') return Array.isArray(value) ? consumers(value) : 'some';
  return name === 'groups' && Array.isArray(value) ? value.map(facts) : value;
}

function consumers(value: Decoded): Decoded {
  return asList(value)
    .filter((one) => pendingOf(asList(one)) !== 0)
    .map(facts);
}

/** The count of a consumer's pending entries, which XINFO STREAM FULL has under another name. */
function pendingOf(consumer: readonly Decoded[]): Decoded {
  const at = consumer.indexOf('pel-count');
  return consumer[(at < 0 ? consumer.indexOf('pending') : at) + 1]!;
}

/** Whether values are the same but for times of the clock. */
function isNear(a: Decoded, b: Decoded): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one: Decoded, i) => isNear(one, b[i] as Decoded));
  }
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  if (Math.min(Math.abs(a), Math.abs(b)) >= DELIVERIES_END) return true;
  return a === b || (Math.min(a, b) > GIVEN_MS_MAX && Math.abs(a - b) < MS_APART_MAX);
}

const isArray = (reply: string): boolean => reply[0] === '*' || reply[0] === '%';

/** Whether no group is further than there are entries: `lag` is null or from 0 on. */
function isProgressPossible(value: Decoded): boolean {
  if (!Array.isArray(value)) return true;
  const list = asList(value);
  const [added, read, lag] = ['entries-added', 'entries-read', 'lag'].map((name) => {
    const at = list.indexOf(name);
    return at < 0 ? null : list[at + 1];
  });
  if (typeof lag === 'number' && lag < 0) return false;
  if (typeof read === 'number' && read < 0) return false;
  const groups = list[list.indexOf('groups') + 1];
  if (typeof added === 'number' && Array.isArray(groups)) {
    const isBeyond = (group: Decoded): boolean => {
      const pairs = asList(group);
      return Number(pairs[pairs.indexOf('entries-read') + 1] ?? 0) > added;
    };
    if (groups.some((group) => isBeyond(group as Decoded))) return false;
  }
  return list.every(isProgressPossible);
}

/** Whether two replies to XINFO with this sub-command say the same. */
export function isSameStreamInfo(sub: string, real: string, ours: string): boolean {
  if (!isArray(real) || !isArray(ours) || !isProgressPossible(decodeReply(ours))) return false;
  const shown = (reply: string): Decoded => {
    const value = decodeReply(reply);
    if (sub === 'CONSUMERS') return consumers(value);
    return sub === 'GROUPS' ? asList(value).map(facts) : facts(value);
  };
  return isNear(shown(real), shown(ours));
}

/** Whether two replies to XPENDING are the same but for a little idle time. */
export function isSamePending(real: string, ours: string): boolean {
  if (!isArray(real) || !isArray(ours)) return false;
  const [a, b] = [asList(decodeReply(real)), asList(decodeReply(ours))];
  // The short form has nothing that the clock tells.
  if (a.length !== b.length || !a.every(Array.isArray)) return false;
  return a.every((one, i) => {
    const [row, other] = [asList(one), asList(b[i]!)];
    const isClose = Math.abs(Number(row[2]) - Number(other[2])) < MS_APART_MAX;
    return isClose && row[0] === other[0] && row[1] === other[1] && isNear(row[3]!, other[3]!);
  });
}

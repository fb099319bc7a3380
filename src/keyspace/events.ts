/**
 * Keyspace notifications: the classes of events, and what becomes of an event. Handlers tell the
 * thread's state (`ThreadState.event`) right after a change, while they hold the shard; the sink
 * publishes it. What notify-keyspace-events leaves out costs a load and a branch.
 *
 * LAYOUT of the classes, bits in the order in which CONFIG GET shows them
 *   0 g generic   1 $ strings   2 l lists   3 s sets   4 h hashes   5 z sorted sets   6 x expired
 *   7 e evicted   8 t streams   9 d modules   10 n new keys   11 o overwritten   12 c other type
 *   13 a arrays   14 m key misses
 * LAYOUT of the channels that events go to
 *   0 K keyspace   1 E keyevent   2 S subkeyspace   3 T subkeyevent   4 I subkeyspaceitem
 *   5 V subkeyspaceevent
 */
import { asciiBytes } from '../base/bytes.ts';

export const EVENT_GENERIC = 1 << 0;
export const EVENT_STRING = 1 << 1;
export const EVENT_LIST = 1 << 2;
export const EVENT_SET = 1 << 3;
export const EVENT_HASH = 1 << 4;
export const EVENT_ZSET = 1 << 5;
export const EVENT_EXPIRED = 1 << 6;
export const EVENT_EVICTED = 1 << 7;
export const EVENT_STREAM = 1 << 8;
export const EVENT_NEW = 1 << 10;
export const EVENT_OVERWRITTEN = 1 << 11;
export const EVENT_TYPE_CHANGED = 1 << 12;
export const EVENT_KEY_MISS = 1 << 14;

export const CHANNEL_KEYSPACE = 1 << 0;
export const CHANNEL_KEYEVENT = 1 << 1;
export const CHANNEL_SUBKEYSPACE = 1 << 2;
export const CHANNEL_SUBKEYEVENT = 1 << 3;
export const CHANNEL_SUBKEYSPACEITEM = 1 << 4;
export const CHANNEL_SUBKEYSPACEEVENT = 1 << 5;
/** Channels that tell the fields with which something happened. */
export const CHANNELS_OF_SUBKEYS =
  CHANNEL_SUBKEYSPACE | CHANNEL_SUBKEYEVENT | CHANNEL_SUBKEYSPACEITEM | CHANNEL_SUBKEYSPACEEVENT;

/** Characters of notify-keyspace-events in the order of the bits. */
const CLASS_CHARACTERS = 'g$lshzxetdnocam';
const CHANNEL_CHARACTERS = 'KESTIV';
/** What `A` stands for. */
const ALL_CHARACTERS = 'g$lshzxetda';

/** A value of notify-keyspace-events. */
export interface EventClasses {
  /** Bits of classes: 0 where no channel is selected, because then nothing is told. */
  readonly mask: number;
  readonly channels: number;
}

/** Reads a valid value of notify-keyspace-events, as CONFIG GET shows it or as it was given. */
export function eventClassesOf(text: string): EventClasses {
  let mask = 0;
  let channels = 0;
  for (const character of text.replaceAll('A', ALL_CHARACTERS)) {
    const bit = CLASS_CHARACTERS.indexOf(character);
    if (bit >= 0) mask |= 1 << bit;
    else channels |= 1 << CHANNEL_CHARACTERS.indexOf(character);
  }
  return { mask: channels === 0 ? 0 : mask, channels };
}

/** Where events go that somebody has asked for. */
export interface EventSink {
  /**
   * The event `name` happened to the key buf[from, to) of database `db`. `fields` are those of its
   * hash that it is about: none, where nobody asked for them. All of it is valid during the call.
   */
  keyEvent(
    name: Uint8Array,
    db: number,
    buf: Uint8Array,
    from: number,
    to: number,
    fields: EventFields,
  ): void;
}

/** Names of fields, copied: a list that is reused. */
export class EventFields {
  buf = new Uint8Array(256);
  /** Where each name ends in `buf`; it begins where the one before ends. */
  ends = new Int32Array(16);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  start(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]!;
  }

  /** Appends the name buf[from, to). O(length), amortised. */
  add(buf: Uint8Array, from: number, to: number): void {
    const at = this.start(this.count);
    const end = at + to - from;
    if (this.count === this.ends.length) {
      const ends = new Int32Array(this.count * 2);
      ends.set(this.ends);
      this.ends = ends;
    }
    if (end > this.buf.length) {
      const grown = new Uint8Array(Math.max(end, this.buf.length * 2));
      grown.set(this.buf.subarray(0, at));
      this.buf = grown;
    }
    this.buf.set(buf.subarray(from, to), at);
    this.ends[this.count++] = end;
  }
}

/** Names of the events that this layer tells. */
export const NAME_NEW = asciiBytes('new');
export const NAME_EXPIRED = asciiBytes('expired');
export const NAME_EVICTED = asciiBytes('evicted');
export const NAME_KEY_MISS = asciiBytes('keymiss');
export const NAME_DEL = asciiBytes('del');
export const NAME_FIELD_EXPIRED = asciiBytes('hexpired');

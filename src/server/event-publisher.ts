/**
 * EventPublisher: makes messages of keyspace events. One per thread; what is told while a shard is
 * held goes to the subscribers in the order of the holds.
 *
 * LAYOUT of the messages about event E of key K in database D, whose fields are F...
 *   __keyspace@D__:K              E
 *   __keyevent@D__:E              K
 *   __subkeyspace@D__:K           E|length:F,length:F...
 *   __subkeyevent@D__:E           length:K|length:F,length:F...
 *   __subkeyspaceitem@D__:K\nF    E                               one message a field
 *   __subkeyspaceevent@D__:E|K    length:F,length:F...
 *   The last four are for events about fields only, and none with a field in the channel for a key
 *   that has a line feed in it: nobody could tell where the field begins.
 *
 * ORDERING  With `appendfsync always` nobody is told of what is not on disk: messages wait for the
 *           position of the record, and events of a command or transaction, whose record comes when
 *           it has run, are kept until then. Its shards are still held at that time.
 */
import { asciiBytes, copyBytes } from '../base/bytes.ts';
import { formatInteger } from '../base/number-text.ts';
import {
  CHANNEL_KEYEVENT,
  CHANNEL_KEYSPACE,
  CHANNEL_SUBKEYEVENT,
  CHANNEL_SUBKEYSPACE,
  CHANNEL_SUBKEYSPACEEVENT,
  CHANNEL_SUBKEYSPACEITEM,
  CHANNELS_OF_SUBKEYS,
  EventFields,
  type EventSink,
  eventClassesOf,
} from '../keyspace/events.ts';
import type { ThreadState } from '../keyspace/thread-state.ts';
import type { HeldEvents } from './command-hooks.ts';
import type { Part } from './post.ts';
import { MODE_ALWAYS } from './shared-layout.ts';

const KEYSPACE = asciiBytes('__keyspace@');
const KEYEVENT = asciiBytes('__keyevent@');
const SUBKEYSPACE = asciiBytes('__subkeyspace@');
const SUBKEYEVENT = asciiBytes('__subkeyevent@');
const SUBKEYSPACEITEM = asciiBytes('__subkeyspaceitem@');
const SUBKEYSPACEEVENT = asciiBytes('__subkeyspaceevent@');
const DATABASE_END = asciiBytes('__:');
const BAR = 0x7c;
const COLON = 0x3a;
const COMMA = 0x2c;
const LF = 0x0a;
const DIGITS_MAX = 10;
const BYTES_INITIAL = 256;

/** Where the messages go: PubSub. */
export interface EventOutlet {
  /** Nobody is subscribed to anything. */
  readonly isSilent: boolean;
  /** `gate`: position of the journal that has to be on disk before; 0 = none. */
  publish(isShard: boolean, channel: Part, message: Part, gate: number): number;
}

/** What events may have to wait for: WriteGuard. */
export interface EventGate {
  /** MODE bits. */
  readonly mode: number;
  readonly journal: { position(): number };
}

/** An event of a command whose record is not written yet. */
interface KeptEvent {
  readonly name: Uint8Array;
  readonly db: number;
  readonly key: Uint8Array;
  readonly fields: EventFields;
}

/** Bytes that are put together, reused; a Part of all of them. */
class Text implements Part {
  buf = new Uint8Array(BYTES_INITIAL);
  readonly from = 0;
  to = 0;

  #reserve(bytes: number): void {
    if (this.to + bytes <= this.buf.length) return;
    const grown = new Uint8Array(Math.max(this.to + bytes, this.buf.length * 2));
    grown.set(this.buf.subarray(0, this.to));
    this.buf = grown;
  }

  clear(): this {
    this.to = 0;
    return this;
  }

  bytes(buf: Uint8Array, from: number, to: number): this {
    this.#reserve(to - from);
    copyBytes(this.buf, this.to, buf, from, to);
    this.to += to - from;
    return this;
  }

  byte(n: number): this {
    this.#reserve(1);
    this.buf[this.to++] = n;
    return this;
  }

  number(n: number): this {
    this.#reserve(DIGITS_MAX);
    this.to += formatInteger(n, this.buf, this.to);
    return this;
  }

  /** `length:bytes`. */
  counted(buf: Uint8Array, from: number, to: number): this {
    return this.number(to - from)
      .byte(COLON)
      .bytes(buf, from, to);
  }

  fields(fields: EventFields): this {
    for (let i = 0; i < fields.count; i++) {
      if (i !== 0) this.byte(COMMA);
      this.counted(fields.buf, fields.start(i), fields.ends[i]!);
    }
    return this;
  }
}

/** Bytes [from, to) of a buffer that others own. */
class Borrowed implements Part {
  buf: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;

  set(buf: Uint8Array, from: number, to: number): this {
    this.buf = buf;
    this.from = from;
    this.to = to;
    return this;
  }
}

export class EventPublisher implements EventSink, HeldEvents {
  readonly #state: ThreadState;
  readonly #outlet: EventOutlet;
  readonly #channel = new Text();
  readonly #message = new Text();
  readonly #key = new Borrowed();
  readonly #name = new Borrowed();
  readonly #guard: EventGate;
  #channels = 0;
  /** Calls of `hold` without their `release`. */
  #holds = 0;
  #kept: KeptEvent[] = [];
  /** Gate of the event that is being published. */
  #gate = 0;

  constructor(state: ThreadState, outlet: EventOutlet, guard: EventGate) {
    this.#state = state;
    this.#outlet = outlet;
    this.#guard = guard;
  }

  /** Takes over notify-keyspace-events. */
  configure(text: string): void {
    const { mask, channels } = eventClassesOf(text);
    this.#channels = channels;
    this.#state.listen(mask, (channels & CHANNELS_OF_SUBKEYS) !== 0, this);
  }

  keyEvent(
    name: Uint8Array,
    db: number,
    buf: Uint8Array,
    from: number,
    to: number,
    fields: EventFields,
  ): void {
    if (this.#outlet.isSilent) return;
    const isGated = (this.#guard.mode & MODE_ALWAYS) !== 0;
    if (isGated && this.#holds !== 0) {
      this.#kept.push({ name, db, key: buf.slice(from, to), fields: copyOf(fields) });
      return;
    }
    this.#gate = isGated ? this.#guard.journal.position() : 0;
    this.#publishEvent(name, db, buf, from, to, fields);
  }

  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds !== 0 || this.#kept.length === 0) return;
    this.#gate = this.#guard.journal.position();
    const kept = this.#kept;
    this.#kept = [];
    for (const { name, db, key, fields } of kept) {
      this.#publishEvent(name, db, key, 0, key.length, fields);
    }
  }

  #publishEvent(
    name: Uint8Array,
    db: number,
    buf: Uint8Array,
    from: number,
    to: number,
    fields: EventFields,
  ): void {
    const channels = this.#channels;
    const key = this.#key.set(buf, from, to);
    const event = this.#name.set(name, 0, name.length);
    if ((channels & CHANNEL_KEYSPACE) !== 0) {
      this.#publish(this.#begin(KEYSPACE, db).bytes(buf, from, to), event);
    }
    if ((channels & CHANNEL_KEYEVENT) !== 0) {
      this.#publish(this.#begin(KEYEVENT, db).bytes(name, 0, name.length), key);
    }
    if (fields.count !== 0) this.#publishFields(event, db, key, fields);
  }

  #publishFields(event: Part, db: number, key: Part, fields: EventFields): void {
    const channels = this.#channels;
    const { buf: name, to: nameEnd } = event;
    const { buf, from, to } = key;
    const message = this.#message;
    if ((channels & CHANNEL_SUBKEYSPACE) !== 0) {
      message.clear().bytes(name, 0, nameEnd).byte(BAR).fields(fields);
      this.#publish(this.#begin(SUBKEYSPACE, db).bytes(buf, from, to), message);
    }
    if ((channels & CHANNEL_SUBKEYEVENT) !== 0) {
      message.clear().counted(buf, from, to).byte(BAR).fields(fields);
      this.#publish(this.#begin(SUBKEYEVENT, db).bytes(name, 0, nameEnd), message);
    }
    if ((channels & CHANNEL_SUBKEYSPACEITEM) !== 0 && !hasLineFeed(key)) {
      for (let i = 0; i < fields.count; i++) {
        const channel = this.#begin(SUBKEYSPACEITEM, db).bytes(buf, from, to).byte(LF);
        this.#publish(channel.bytes(fields.buf, fields.start(i), fields.ends[i]!), event);
      }
    }
    if ((channels & CHANNEL_SUBKEYSPACEEVENT) !== 0) {
      const channel = this.#begin(SUBKEYSPACEEVENT, db).bytes(name, 0, nameEnd).byte(BAR);
      this.#publish(channel.bytes(buf, from, to), message.clear().fields(fields));
    }
  }

  /** The channel's beginning: what follows the database. */
  #begin(prefix: Uint8Array, db: number): Text {
    const channel = this.#channel.clear().bytes(prefix, 0, prefix.length).number(db);
    return channel.bytes(DATABASE_END, 0, DATABASE_END.length);
  }

  #publish(channel: Part, message: Part): void {
    this.#outlet.publish(false, channel, message, this.#gate);
  }
}

function copyOf(fields: EventFields): EventFields {
  const copy = new EventFields();
  for (let i = 0; i < fields.count; i++) copy.add(fields.buf, fields.start(i), fields.ends[i]!);
  return copy;
}

function hasLineFeed({ buf, from, to }: Part): boolean {
  const at = buf.indexOf(LF, from);
  return at >= 0 && at < to;
}

/** Keyspace events as text, in the order told: a sink for tests. */
import {
  CHANNELS_OF_SUBKEYS,
  type EventFields,
  type EventSink,
  eventClassesOf,
} from '../../src/keyspace/events.ts';
import type { ThreadState } from '../../src/keyspace/thread-state.ts';

/** Every class there is. */
export const ALL_EVENTS = 'AKnocm';

export class EventLog implements EventSink {
  #lines: string[] = [];

  /** Listens to what `classes`, a value of notify-keyspace-events, selects. */
  constructor(state: ThreadState, classes: string) {
    const { mask, channels } = eventClassesOf(classes);
    state.listen(mask, (channels & CHANNELS_OF_SUBKEYS) !== 0, this);
  }

  keyEvent(
    name: Uint8Array,
    db: number,
    buf: Uint8Array,
    from: number,
    to: number,
    fields: EventFields,
  ): void {
    const text = (bytes: Uint8Array, start: number, end: number): string =>
      Buffer.from(bytes.subarray(start, end)).toString('latin1');
    const names: string[] = [];
    for (let i = 0; i < fields.count; i++) {
      names.push(text(fields.buf, fields.start(i), fields.ends[i]!));
    }
    const where = db === 0 ? '' : `@${db}`;
    const what = names.length === 0 ? '' : `(${names.join(',')})`;
    this.#lines.push(`${text(buf, from, to)}${where}:${text(name, 0, name.length)}${what}`);
  }

  /** The events since the last call: `key:event`, `key@db:event`. */
  takeAll(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** The same with a space between. */
  take(): string {
    return this.takeAll().join(' ');
  }
}

/** A server and the keyspace events that a subscriber of it hears, Tessera or redis-server. */
import { type Decoded, decodeReply } from './decode-reply.ts';
import type { Argument } from './local-runner.ts';
import { RawClient } from './raw-client.ts';

const MARK = 'events-mark';

/** The events of each key, in order. */
export function byKey(events: readonly string[]): [string, string[]][] {
  const found = new Map<string, string[]>();
  for (const event of events) {
    const at = event.lastIndexOf(':');
    const key = event.slice(0, at);
    found.set(key, [...(found.get(key) ?? []), event.slice(at + 1)]);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

export class EventListener {
  readonly client: RawClient;
  readonly #listener: RawClient;

  private constructor(client: RawClient, listener: RawClient) {
    this.client = client;
    this.#listener = listener;
  }

  /** Has the server on `port` tell `classes` of events, and listens to all keys. */
  static async start(port: number, classes: string): Promise<EventListener> {
    const client = await RawClient.connect(port);
    const listener = await RawClient.connect(port);
    await client.command(['CONFIG', 'SET', 'notify-keyspace-events', classes]);
    await listener.command(['PSUBSCRIBE', '__keyspace@*', MARK]);
    await listener.readReply();
    return new EventListener(client, listener);
  }

  command(words: readonly Argument[]): Promise<string> {
    return this.client.command(words);
  }

  /** The next event, as `key:event` or `key@db:event`; null for a mark. */
  async next(): Promise<string | null> {
    const [, , channel, name] = decodeReply(await this.#listener.readReply()) as Decoded[];
    if (channel === MARK) return null;
    const [, db, key] = /^__keyspace@(\d+)__:(.*)$/s.exec(channel as string)!;
    return `${key}${db === '0' ? '' : `@${db}`}:${name as string}`;
  }

  /** The events since the last call, of commands that have been answered. */
  async take(): Promise<string[]> {
    const published = this.command(['PUBLISH', MARK, '']);
    const events: string[] = [];
    for (let event = await this.next(); event !== null; event = await this.next()) {
      events.push(event);
    }
    await published;
    return events;
  }

  close(): void {
    this.client.close();
    this.#listener.close();
  }
}

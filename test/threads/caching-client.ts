/**
 * A client with a local cache that CLIENT TRACKING keeps: it reads keys, remembers their replies,
 * and forgets what it is told of.
 *
 * Over its own connection it trusts the order: a reply is remembered whatever was told before it.
 * With a redirection the two connections have no order, so a reply only counts where nothing was
 * told since its command was sent.
 */
import { decodeReply } from '../support/decode-reply.ts';
import { RawClient } from '../support/raw-client.ts';

export type Words = readonly (string | number)[];

/** The command that reads a key: its name begins with its type. */
export function readCommand(key: string): Words {
  switch (key[0]) {
    case 'h':
      return ['HGETALL', key];
    case 'l':
    case 'b':
      return ['LRANGE', key, 0, -1];
    case 'z':
      return ['ZRANGE', key, 0, -1, 'WITHSCORES'];
    case 'u':
      return ['SMEMBERS', key];
    default:
      return ['GET', key];
  }
}

/** A reply in one form for both protocols; the order of sets and hashes does not count. */
export function normalised(key: string, raw: string): string {
  const flat = (decodeReply(raw) as readonly unknown[] | string | null) ?? 'null';
  if (!Array.isArray(flat)) return String(flat);
  const items = flat.flat(2).map(String);
  if (key[0] !== 'h' && key[0] !== 'u') return items.join(',');
  const step = key[0] === 'h' ? 2 : 1;
  const groups = Array.from({ length: items.length / step }, (_, i) => {
    return items.slice(i * step, i * step + step).join('=');
  });
  return groups.sort().join(',');
}

interface Pending {
  /** Called before anything that came behind the reply is looked at. */
  onReply(raw: string): void;
  resolve(raw: string): void;
  reject(error: unknown): void;
}

/** Replies of one connection, with what is pushed in between taken out. */
class Wire {
  readonly client: RawClient;
  readonly #pending: Pending[] = [];

  constructor(client: RawClient, onPush: (raw: string) => void) {
    this.client = client;
    void this.#receive(onPush);
  }

  async #receive(onPush: (raw: string) => void): Promise<void> {
    for (;;) {
      let raw = '';
      try {
        raw = await this.client.readReply();
      } catch (error) {
        // Ten quiet seconds are no failure; an end of the connection is one for who waits.
        if (!this.client.isClosed && this.#pending.length === 0) continue;
        for (const { reject } of this.#pending.splice(0)) reject(error);
        return;
      }
      const isMessage = raw[0] === '>' || raw.startsWith('*3\r\n$7\r\nmessage\r\n');
      if (isMessage) {
        onPush(raw);
        continue;
      }
      const pending = this.#pending.shift()!;
      pending.onReply(raw);
      pending.resolve(raw);
    }
  }

  send(words: Words, onReply: (raw: string) => void = () => undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ onReply, resolve, reject });
      const parts = words.map((word) => {
        const text = String(word);
        return `$${text.length}\r\n${text}\r\n`;
      });
      this.client.send(`*${words.length}\r\n${parts.join('')}`);
    });
  }
}

/** How a client hears of changes. */
export interface Hearing {
  /** Options of CLIENT TRACKING ON behind REDIRECT. */
  readonly options: Words;
  /** Protocol of the connection that is redirected to; 0 = no redirection. */
  readonly redirect: 0 | 2 | 3;
}

export class CachingClient {
  /** What it believes that the server has, by key. */
  readonly cache = new Map<string, string>();
  /** Reads whose reply is to be remembered, where nothing was told of their key meanwhile. */
  readonly #asked = new Map<string, number>();
  #serial = 0;
  messages = 0;
  readonly #wire: Wire;
  readonly #listener: Wire | null;
  readonly hearing: Hearing;

  private constructor(wire: RawClient, listener: RawClient | null, hearing: Hearing) {
    this.hearing = hearing;
    this.#wire = new Wire(wire, (raw) => this.#hear(raw));
    this.#listener = listener === null ? null : new Wire(listener, (raw) => this.#hear(raw));
  }

  static async connect(port: number, hearing: Hearing): Promise<CachingClient> {
    const { redirect, options } = hearing;
    const listener = redirect === 0 ? null : await RawClient.connect(port);
    const client = new CachingClient(await RawClient.connect(port), listener, hearing);
    const on: (string | number)[] = ['CLIENT', 'TRACKING', 'ON', ...options];
    if (client.#listener === null) await client.#wire.send(['HELLO', 3]);
    else {
      const id = Number((await client.#listener.send(['CLIENT', 'ID'])).slice(1));
      if (redirect === 3) await client.#listener.send(['HELLO', 3]);
      else await client.#listener.send(['SUBSCRIBE', '__redis__:invalidate']);
      on.push('REDIRECT', id);
    }
    const reply = await client.#wire.send(on);
    if (reply !== '+OK\r\n') throw new Error(`CLIENT TRACKING: ${reply}`);
    return client;
  }

  #hear(raw: string): void {
    const message = decodeReply(raw.replace(/^>/, '*')) as readonly unknown[];
    const isOurs = message[0] === 'invalidate' || message[1] === '__redis__:invalidate';
    if (!isOurs) throw new Error(`a message of another kind: ${raw}`);
    this.messages += 1;
    const keys = message.at(-1) as readonly string[] | null;
    if (keys === null) {
      this.cache.clear();
      this.#asked.clear();
      return;
    }
    for (const key of keys) {
      this.cache.delete(key);
      this.#asked.delete(key);
    }
  }

  #ask(key: string): number {
    this.#asked.set(key, ++this.#serial);
    return this.#serial;
  }

  #remember(key: string, serial: number, value: string): void {
    if (this.#listener !== null && this.#asked.get(key) !== serial) return;
    this.cache.set(key, value);
  }

  /** Reads a key and remembers it. */
  async read(key: string): Promise<void> {
    const serial = this.#ask(key);
    await this.#wire.send(readCommand(key), (raw) => {
      this.#remember(key, serial, normalised(key, raw));
    });
  }

  /** Reads strings at once. */
  async readMany(keys: readonly string[]): Promise<void> {
    const serials = keys.map((key) => this.#ask(key));
    await this.#wire.send(['MGET', ...keys], (raw) => {
      const values = decodeReply(raw) as readonly (string | null)[];
      for (const [i, key] of keys.entries()) this.#remember(key, serials[i]!, values[i] ?? 'null');
    });
  }

  /** Reads two keys in a transaction, which also adds to a third. */
  async transact(a: string, b: string, counter: string): Promise<void> {
    const serials = [this.#ask(a), this.#ask(b)];
    const queue: Words[] = [['MULTI'], ['GET', a], ['INCR', counter], ['GET', b]];
    const queued = queue.map((words) => this.#wire.send(words));
    const done = this.#wire.send(['EXEC'], (raw) => {
      const values = decodeReply(raw) as readonly unknown[];
      for (const [i, key] of [a, b].entries()) {
        this.#remember(key, serials[i]!, String(values[i * 2] ?? 'null'));
      }
    });
    await Promise.all([...queued, done]);
  }

  /** Any other command. */
  run(words: Words): Promise<string> {
    return this.#wire.send(words);
  }

  close(): void {
    this.#wire.client.close();
    this.#listener?.client.close();
  }
}

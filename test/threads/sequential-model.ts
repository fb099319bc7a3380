/**
 * What one connection's commands must answer, one after the other, when nobody else touches its
 * keys.
 */
import type { Random } from '../support/random.ts';

export type Words = readonly string[];

const DATABASES = 3;
const KEYS = 12;
const QUEUE_MAX = 6;

export const bulk = (text: string | undefined): string =>
  text === undefined ? '$-1\r\n' : `$${text.length}\r\n${text}\r\n`;
const integer = (value: number): string => `:${value}\r\n`;
const array = (items: readonly string[]): string => `*${items.length}\r\n${items.join('')}`;
const OK = '+OK\r\n';
const NOT_INTEGER = '-ERR value is not an integer or out of range\r\n';
const NO_KEY = '-ERR no such key\r\n';

/** Commands refused before they get anywhere, and their errors. */
const REFUSED: readonly Words[] = [
  ['NOSUCH', 'x'],
  ['GET'],
  ['OBJECT', 'NOSUCH'],
  ['CLIENT', 'GETNAME', 'x'],
  ['EXEC'],
];
const REFUSALS = [
  "-ERR unknown command 'NOSUCH', with args beginning with: 'x' \r\n",
  "-ERR wrong number of arguments for 'get' command\r\n",
  "-ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP.\r\n",
  "-ERR wrong number of arguments for 'client|getname' command\r\n",
  '-ERR EXEC without MULTI\r\n',
];

export class SequentialModel {
  readonly #databases = Array.from({ length: DATABASES }, () => new Map<string, string>());
  readonly #prefix: string;
  readonly #clientId: string;
  #db = 0;
  #queue: Words[] | null = null;

  /** `prefix`: of all keys; `clientId`: what CLIENT ID answers. */
  constructor(prefix: string, clientId: string) {
    this.#prefix = prefix;
    this.#clientId = clientId;
  }

  /**
   * A random command: one shard, several shards, all of them, none, slow ones, and transactions.
   */
  randomCommand(random: Random): Words {
    const key = (): string => `${this.#prefix}${random.below(KEYS)}`;
    const value = (): string =>
      random.oneIn(20) ? 'v'.repeat(random.below(5000)) : String(random.below(1000));
    if (this.#queue !== null && (this.#queue.length >= QUEUE_MAX || random.oneIn(4))) {
      return [random.oneIn(5) ? 'DISCARD' : 'EXEC'];
    }
    switch (random.below(this.#queue === null ? 20 : 16)) {
      case 0:
        return ['MSET', key(), value(), key(), value(), key(), value()];
      case 1:
        return ['MGET', key(), key(), key(), key()];
      case 2:
        return ['RENAME', key(), key()];
      case 3:
        return ['DEL', key(), key(), key()];
      case 4:
        return ['PING', value()];
      case 5:
        return ['CLIENT', 'ID'];
      case 6:
        return ['SELECT', String(random.below(DATABASES))];
      case 7:
        return ['KEYS', key()];
      case 8:
        return ['EXISTS', key(), key()];
      case 9:
      case 10:
        return ['INCR', key()];
      case 11:
      case 12:
        return ['GET', key()];
      case 13:
        return ['APPEND', key(), '1'];
      case 14:
      case 15:
        return ['SET', key(), value()];
      case 16:
        if (random.oneIn(2)) return random.pick(REFUSED);
        return random.oneIn(3) ? ['DEBUG', 'SLEEP', '0.005'] : ['ECHO', value()];
      case 17:
        return ['KEYS', `${this.#prefix}*`];
      default:
        return ['MULTI'];
    }
  }

  /** The reply that must come, with the names of KEYS in order. */
  run(words: Words): string {
    const verb = words[0]!;
    if (this.#queue === null) {
      if (verb !== 'MULTI') return this.#one(words);
      this.#queue = [];
      return OK;
    }
    const queue = this.#queue;
    if (verb === 'DISCARD' || verb === 'EXEC') {
      this.#queue = null;
      return verb === 'DISCARD' ? OK : array(queue.map((one) => this.#one(one)));
    }
    queue.push(words);
    return '+QUEUED\r\n';
  }

  #one(words: Words): string {
    const refused = REFUSED.indexOf(words);
    if (refused >= 0) return REFUSALS[refused]!;
    const keys = this.#databases[this.#db]!;
    const [verb, first, second] = words as [string, string, string];
    switch (verb) {
      case 'SET':
        keys.set(first, second);
        return OK;
      case 'GET':
        return bulk(keys.get(first));
      case 'INCR':
        return this.#increment(first);
      case 'APPEND':
        keys.set(first, (keys.get(first) ?? '') + second);
        return integer(keys.get(first)!.length);
      case 'MSET':
        for (let i = 1; i < words.length; i += 2) keys.set(words[i]!, words[i + 1]!);
        return OK;
      case 'MGET':
        return array(words.slice(1).map((key) => bulk(keys.get(key))));
      case 'EXISTS':
        return integer(words.slice(1).filter((key) => keys.has(key)).length);
      case 'DEL':
        return integer(words.slice(1).filter((key) => keys.delete(key)).length);
      case 'RENAME':
        return this.#rename(first, second);
      case 'KEYS':
        return array(this.#matching(first).map(bulk));
      case 'SELECT':
        this.#db = Number(first);
        return OK;
      case 'CLIENT':
        return this.#clientId;
      case 'DEBUG':
        return OK;
      default:
        return bulk(first);
    }
  }

  #increment(key: string): string {
    const keys = this.#databases[this.#db]!;
    const text = keys.get(key) ?? '0';
    if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) return NOT_INTEGER;
    keys.set(key, String(Number(text) + 1));
    return integer(Number(text) + 1);
  }

  #rename(from: string, to: string): string {
    const keys = this.#databases[this.#db]!;
    const value = keys.get(from);
    if (value === undefined) return NO_KEY;
    keys.delete(from);
    keys.set(to, value);
    return OK;
  }

  #matching(pattern: string): string[] {
    const names = [...this.#databases[this.#db]!.keys()];
    const isAll = pattern.endsWith('*');
    return names.filter((name) => isAll || name === pattern).sort();
  }
}

/** Brings the names of a KEYS reply in order; any other reply stays as it is. */
export function inOrder(words: Words, reply: string): string {
  if (words[0] !== 'KEYS' || !reply.startsWith('*')) return reply;
  const names = [...reply.matchAll(/\$\d+\r\n(.*)\r\n/g)].map((match) => match[1]!);
  return array(names.sort().map(bulk));
}

/** What pub/sub commands see: the subscriptions of a connection, and those of the server. */
import type { Session } from './spec.ts';

/** Kinds of names that a connection may subscribe to. */
export const KIND_CHANNEL = 0;
export const KIND_PATTERN = 1;
export const KIND_SHARD_CHANNEL = 2;
export type NameKind = typeof KIND_CHANNEL | typeof KIND_PATTERN | typeof KIND_SHARD_CHANNEL;

/** Names of the three kinds, in their order; none = of no kind. */
export type SubscribedNames = readonly (readonly string[])[];

/**
 * The names that one connection is subscribed to, by kind; one character a byte. They are changed
 * by whoever keeps the subscribers of the thread only (server/subscribers.ts).
 */
export class Subscriptions {
  readonly names: readonly [Set<string>, Set<string>, Set<string>] = [
    new Set(),
    new Set(),
    new Set(),
  ];

  /** Bytes of all names. */
  nameBytes = 0;

  /** Names of all kinds. */
  get count(): number {
    return this.names.reduce((sum, names) => sum + names.size, 0);
  }

  copy(): SubscribedNames {
    return this.names.map((names) => [...names]);
  }

  get isEmpty(): boolean {
    return this.names.every((names) => names.size === 0);
  }
}

/**
 * The number that confirmations of `kind` tell: channels and patterns count together, shard
 * channels alone.
 */
export function subscriptionCount(subscriptions: Subscriptions | null, kind: NameKind): number {
  if (subscriptions === null) return 0;
  const [channels, patterns, shardChannels] = subscriptions.names;
  return kind === KIND_SHARD_CHANNEL ? shardChannels.size : channels.size + patterns.size;
}

/** The server's side of pub/sub, on all threads. */
export interface PubSubServices {
  /**
   * Subscribes a connection to a name, if it is not yet; whoever publishes from now on reaches it.
   * False where there is no memory for the name.
   */
  subscribe(session: Session, kind: NameKind, name: Uint8Array): boolean;
  /** Ends a subscription, if there is one. */
  unsubscribe(session: Session, kind: NameKind, name: string): void;
  /** Names of a kind that have subscribers, in no particular order. O(names). */
  names(kind: NameKind): Uint8Array[];
  /** Subscribers of a channel or shard channel, without those of patterns. */
  subscribers(kind: NameKind, name: Uint8Array): number;
  /** Patterns that have subscribers. */
  readonly patternCount: number;
}

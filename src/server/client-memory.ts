/** What a client of an I/O thread costs in memory: CLIENT LIST's `tot-mem`, and client eviction. */
import type { Connection } from './connection.ts';

/**
 * A connection's objects on the JS heap, measured once: what an idle client costs besides its
 * buffers.
 */
const CONNECTION_BYTES = 1200;
/** The same for a watched key and for a subscription, besides the bytes of their names. */
const WATCHED_BYTES = 240;
const SUBSCRIPTION_BYTES = 160;

/**
 * Bytes: the connection itself, input with its spare room, the queue of a transaction, watched
 * keys, subscriptions, prefixes of CLIENT TRACKING, and replies that wait to be sent
 * (`backlogBytes` of them with the transport). O(watched keys + prefixes).
 */
export function clientBytes(c: Connection, backlogBytes: number): number {
  let bytes = CONNECTION_BYTES + c.fieldsets.bytes + c.input.length + backlogBytes;
  bytes += c.transactionBlock?.length ?? 0;
  bytes += c.held?.buf.length ?? 0;
  bytes += c.pushed?.buf.length ?? 0;
  for (const { key } of c.watched) bytes += WATCHED_BYTES + key.length;
  const { subscriptions, tracking } = c;
  if (tracking !== null) {
    for (const { length } of tracking.prefixes) bytes += SUBSCRIPTION_BYTES + length;
  }
  if (subscriptions === null) return bytes;
  return bytes + subscriptions.count * SUBSCRIPTION_BYTES + subscriptions.nameBytes;
}

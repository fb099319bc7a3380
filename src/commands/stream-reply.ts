/**
 * Streams: entries in replies. Most entries of a node have its fields, and many share a
 * millisecond: what stands in the reply already is copied from there.
 */
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { ID_TEXT_MAX, StreamId } from '../structures/stream-id.ts';
import type { StreamReader } from '../structures/stream-reader.ts';

/** Fields of a node that are remembered; entries with more are written out. */
const FIELDS_MAX = 64;

/** Text of the ID that was replied last. */
const text = new Uint8Array(ID_TEXT_MAX);
const last = new StreamId();

/** Replies an ID as a bulk string. */
export function replyId(reply: ReplyWriter, id: StreamId): void {
  reply.bulk(text, 0, id.formatAfter(last, text, 0));
}

/** Where the fields of the node stand in the reply, as bulk strings. */
const shown = {
  node: 0,
  from: new Int32Array(FIELDS_MAX),
  to: new Int32Array(FIELDS_MAX),
};

/** To be called before the first of several entries, of one stream and in one reply. */
export function beginEntries(): void {
  shown.node = 0;
}

/** Replies fields and values of the entry that `reader` is at, one of several, as a flat array. */
export function replyFields(reply: ReplyWriter, reader: StreamReader): void {
  const { pack, fields, node } = reader;
  reply.array(fields * 2);
  const isMaster = reader.hasMasterFields && fields <= FIELDS_MAX;
  if (isMaster && shown.node === node) {
    const { from, to } = shown;
    for (let i = 0; i < fields; i++) {
      reply.rawRange(reply.buf, from[i]!, to[i]!);
      reader.value();
      reply.bulk(pack.buf, pack.from, pack.to);
    }
    return;
  }
  for (let i = 0; i < fields; i++) {
    if (isMaster) shown.from[i] = reply.length;
    reader.field();
    reply.bulk(pack.buf, pack.from, pack.to);
    if (isMaster) shown.to[i] = reply.length;
    reader.value();
    reply.bulk(pack.buf, pack.from, pack.to);
  }
  if (isMaster) shown.node = node;
}

/** Replies the entry that `reader` is at: its ID, and its fields and values. */
export function replyEntry(reply: ReplyWriter, reader: StreamReader): void {
  beginEntries();
  replyNextEntry(reply, reader);
}

/** The same for one of several entries. */
export function replyNextEntry(reply: ReplyWriter, reader: StreamReader): void {
  reply.array(2);
  replyId(reply, reader.id);
  replyFields(reply, reader);
}

/** What goes into a hash and comes out of it, and how changes end. */

/** Outcomes of setting a field. */
export const HASH_ADDED = 1;
export const HASH_UPDATED = 0;
/** The arena is full; nothing has changed. */
export const HASH_FULL = -1;

/** Times of expiry of a field that are none: it never expires; it keeps the one that it has. */
export const FIELD_NO_TTL = 0;
export const FIELD_KEEP_TTL = -1;

/** One field: where its name and its value lie, and when it expires. Reused; bytes are borrowed. */
export class HashField {
  nameBuf: Uint8Array;
  nameFrom = 0;
  nameTo = 0;
  buf: Uint8Array;
  from = 0;
  to = 0;
  /** Unix time in ms, 0 = never. */
  expireMs = 0;

  constructor(u8: Uint8Array) {
    this.nameBuf = u8;
    this.buf = u8;
  }
}

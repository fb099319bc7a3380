/** Decodes a raw reply into plain values, for tests that look into structures. */
export type Decoded = string | number | null | readonly Decoded[];

/**
 * Strings and errors as latin1 text, integers as numbers, nulls as null, every aggregate as an
 * array (maps as their keys and values in turn). Throws where `text` is not exactly one reply.
 */
export function decodeReply(text: string): Decoded {
  const decoder = new Decoder(text);
  const value = decoder.next();
  if (decoder.at !== text.length) throw new Error('more than one reply');
  return value;
}

class Decoder {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Decoded {
    const end = this.#text.indexOf('\r\n', this.at);
    if (end < 0) throw new Error('an incomplete reply');
    const type = this.#text[this.at]!;
    const line = this.#text.slice(this.at + 1, end);
    this.at = end + 2;
    if ('+-,(#'.includes(type)) return line;
    if (type === ':') return Number(line);
    const count = Number(line);
    if (type === '_' || count < 0) return null;
    if ('$='.includes(type)) {
      const value = this.#text.slice(this.at, this.at + count);
      this.at += count + 2;
      return value;
    }
    return Array.from({ length: type === '%' ? count * 2 : count }, () => this.next());
  }
}

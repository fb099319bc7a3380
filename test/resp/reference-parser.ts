/**
 * The request format read the slow and obvious way, as a model for the parser: everything is a
 * string of one character per byte, and the whole stream is there.
 */
export type Limits = { maxBulkLength: number; maxMultibulk: number; maxInline: number };
export type Outcome = { commands: string[][]; error: string | null };

class Incomplete extends Error {}
class Broken extends Error {}

/** All complete commands of a stream, and the error that ends it, if one does. */
export function referenceParse(stream: string, limits: Limits, authenticated: boolean): Outcome {
  const commands: string[][] = [];
  let rest = stream;

  /** Takes a line up to `terminator`, which a NUL byte before it hides. */
  function line(terminator: string, tooLong: string): string {
    const found = rest.split('\0')[0]!.indexOf(terminator);
    const seen = found < 0 ? rest.length : found;
    if (seen > limits.maxInline) throw new Broken(tooLong);
    if (found < 0) throw new Incomplete();
    return rest.slice(0, found);
  }

  function number(text: string): bigint | null {
    if (!/^(0|-?[1-9]\d*)$/.test(text)) return null;
    const value = BigInt(text);
    return BigInt.asIntN(64, value) === value ? value : null;
  }

  function lengthLine(tooLong: string): string {
    const text = line('\r', tooLong);
    if (rest.length < text.length + 2) throw new Incomplete();
    return text;
  }

  function bulk(): string {
    const text = lengthLine('too big bulk count string');
    if (rest[0] !== '$') {
      throw new Broken(`expected '$', got '${rest[0]!.replace(/[\r\n]/, ' ')}'`);
    }
    const length = number(text.slice(1));
    if (length === null || length < 0n || length > BigInt(limits.maxBulkLength)) {
      throw new Broken('invalid bulk length');
    }
    if (!authenticated && length > 16384n) throw new Broken('unauthenticated bulk length');
    const data = rest.slice(text.length + 2);
    if (data.length < Number(length) + 2) throw new Incomplete();
    rest = data.slice(Number(length) + 2);
    return data.slice(0, Number(length));
  }

  function multibulk(): string[] {
    const text = lengthLine('too big mbulk count string');
    const count = number(text.slice(1));
    if (count === null || count > BigInt(limits.maxMultibulk)) {
      throw new Broken('invalid multibulk length');
    }
    if (!authenticated && count > 10n) throw new Broken('unauthenticated multibulk length');
    rest = rest.slice(text.length + 2);
    const args: string[] = [];
    for (let i = 0n; i < count; i++) args.push(bulk());
    return args;
  }

  try {
    while (rest !== '') {
      if (rest[0] === '*') {
        const args = multibulk();
        if (args.length > 0) commands.push(args);
      } else {
        const text = line('\n', 'too big inline request');
        rest = rest.slice(text.length + 1);
        const args = splitWords(text.endsWith('\r') ? text.slice(0, -1) : text);
        if (args === null) throw new Broken('unbalanced quotes in request');
        if (args.length > 0) commands.push(args);
      }
    }
  } catch (error) {
    if (error instanceof Broken) return { commands, error: 'Protocol error: ' + error.message };
    if (!(error instanceof Incomplete)) throw error;
  }
  return { commands, error: null };
}

const WORD_PLAIN = /^[ \t-\r]*([^ \t\n\r"']*)/;
const WORD_QUOTED = /(?:"((?:\\[\s\S]|[^"\\])*)"|'((?:\\'|\\(?!')|[^'\\])*)')(?=[ \t-\r]|$)/;
const WORD = new RegExp(`${WORD_PLAIN.source}(?:${WORD_QUOTED.source})?`);
const NAMED: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

function splitWords(text: string): string[] | null {
  const words: string[] = [];
  let rest = text;
  while (!/^[ \t-\r]*$/.test(rest)) {
    const [matched, plain, double, single] = WORD.exec(rest)!;
    let word = plain!;
    if (double !== undefined) {
      word += double.replace(/\\x([\da-f]{2})|\\([\s\S])/gi, (_, hex, escaped) =>
        hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (NAMED[escaped] ?? escaped),
      );
    }
    if (single !== undefined) word += single.replaceAll("\\'", "'");
    words.push(word);
    rest = rest.slice(matched.length);
    // A quote that is still there did not close, or closed in front of something.
    if (/^["']/.test(rest) && double === undefined && single === undefined) return null;
  }
  return words;
}

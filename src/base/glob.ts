/**
 * Glob patterns over bytes, with the exact semantics of Redis's KEYS, SCAN, CONFIG GET and
 * PSUBSCRIBE: `*` any bytes, `?` one byte, `[abc]`, `[a-z]`, `[^a]` classes, `\x` the byte x.
 *
 * Peculiarities kept: an empty text matches only the empty pattern (not even `*`); a range whose
 * ends are swapped works; bytes of ranges are ordered as signed ones (as on x86); in `[a-]` the
 * bracket is the end of a range; a class without its closing bracket ends with the pattern; an
 * escaped byte in a class is compared with its case; a pattern with more than STARS_MAX stars that
 * text stands between matches nothing.
 *
 * COST O(pattern × text), not exponential: of several stars only the last one is tried again,
 * since whatever follows it can only be found further to the right.
 */

/** Redis's limit against deep recursion, kept so that patterns mean the same. */
const STARS_MAX = 1000;
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

function folded(byte: number, nocase: boolean): number {
  return nocase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** In ranges, Redis compares bytes as signed: 0x80 to 0xff lie below 0. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** Whether pattern[ps, pe) matches all of text[ts, te); nocase folds ASCII letters. */
export function globMatch(
  pattern: Uint8Array,
  ps: number,
  pe: number,
  text: Uint8Array,
  ts: number,
  te: number,
  nocase: boolean,
): boolean {
  if (ts >= te) return ps >= pe;
  let p = ps;
  let t = ts;
  // Where matching resumes after the last star: the pattern behind it, the text it reaches to.
  let starPattern = -1;
  let starText = 0;
  let stars = 0;
  while (t < te) {
    if (p < pe && pattern[p] === STAR) {
      while (p < pe && pattern[p] === STAR) p++;
      if (p === pe) return true;
      if (p !== starPattern && ++stars > STARS_MAX) return false;
      starPattern = p;
      starText = t;
      continue;
    }
    const next = p < pe ? matchOne(pattern, p, pe, text[t]!, nocase) : -1;
    if (next >= 0) {
      p = next;
      t++;
    } else {
      if (starPattern < 0) return false;
      p = starPattern;
      t = ++starText;
    }
  }
  while (p < pe && pattern[p] === STAR) p++;
  return p === pe;
}

/** Matches the element at p, no star, with one byte: the position behind the element, or -1. */
function matchOne(
  pattern: Uint8Array,
  p: number,
  pe: number,
  byte: number,
  nocase: boolean,
): number {
  let wanted = pattern[p]!;
  if (wanted === QUESTION) return p + 1;
  if (wanted === OPEN) return matchClass(pattern, p + 1, pe, byte, nocase);
  if (wanted === BACKSLASH && p + 1 < pe) wanted = pattern[++p]!;
  return folded(wanted, nocase) === folded(byte, nocase) ? p + 1 : -1;
}

/** Matches the class whose bracket is before p; answers as {@link matchOne}. */
function matchClass(
  pattern: Uint8Array,
  p: number,
  pe: number,
  byte: number,
  nocase: boolean,
): number {
  const negated = p < pe && pattern[p] === CARET;
  if (negated) p++;
  const wanted = folded(byte, nocase);
  let matched = false;
  while (p < pe && pattern[p] !== CLOSE) {
    if (pattern[p] === BACKSLASH && p + 1 < pe) {
      p++;
      if (pattern[p] === byte) matched = true;
    } else if (p + 2 < pe && pattern[p + 1] === DASH) {
      const from = signed(pattern[p]!);
      const to = signed(pattern[p + 2]!);
      const low = folded(Math.min(from, to), nocase);
      const high = folded(Math.max(from, to), nocase);
      const place = signed(wanted);
      if (place >= low && place <= high) matched = true;
      p += 2;
    } else if (folded(pattern[p]!, nocase) === wanted) {
      matched = true;
    }
    p++;
  }
  if (matched === negated) return -1;
  return p < pe ? p + 1 : pe;
}

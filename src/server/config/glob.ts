// Redis's glob patterns (`*`, `?`, `[a-z]`, `[^a]`, `\x`) without regard to ASCII case, for the
// short names of configuration directives. Not for keys: those are matched as bytes.

/** True when all of `text` matches `pattern`. Time is at most O(pattern × text). */
export function matchGlob(pattern: string, text: string): boolean {
  const lowered = pattern.toLowerCase();
  const subject = text.toLowerCase();
  let at = 0;
  let next = 0;
  // Where to go on when what follows the last star did not match: one character later.
  let starAt = -1;
  let starNext = 0;
  while (next < subject.length) {
    if (lowered[at] === '*') {
      starAt = at++;
      starNext = next;
      continue;
    }
    const after = at < lowered.length ? matchOne(lowered, at, subject[next]!) : -1;
    if (after !== -1) {
      at = after;
      next++;
    } else if (starAt !== -1) {
      at = starAt + 1;
      next = ++starNext;
    } else {
      return false;
    }
  }
  while (lowered[at] === '*') at++;
  return at >= lowered.length;
}

/** The pattern position behind the element at `at` when it matches `character`, else -1. */
function matchOne(pattern: string, at: number, character: string): number {
  const element = pattern[at];
  if (element === '?') return at + 1;
  if (element === '[') return matchClass(pattern, at + 1, character);
  if (element === '\\' && at + 1 < pattern.length) {
    return pattern[at + 1] === character ? at + 2 : -1;
  }
  return element === character ? at + 1 : -1;
}

/** As `matchOne`, for a class whose `[` stands before `at`. An unclosed class ends the pattern. */
function matchClass(pattern: string, at: number, character: string): number {
  const negated = pattern[at] === '^';
  if (negated) at++;
  let found = false;
  while (at < pattern.length && pattern[at] !== ']') {
    if (pattern[at] === '\\' && at + 1 < pattern.length) at++;
    const low = pattern[at]!;
    if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const high = pattern[at + 2]!;
      const [from, to] = low <= high ? [low, high] : [high, low];
      found ||= character >= from && character <= to;
      at += 3;
    } else {
      found ||= low === character;
      at++;
    }
  }
  return found !== negated ? Math.min(at + 1, pattern.length) : -1;
}

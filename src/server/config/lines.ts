// The line syntax of redis.conf: words separated by white space; "…" with the escapes
// \n \r \t \b \a \xHH and backslash-anything; '…' with \' only. A closing quote must be followed
// by white space or the end of the line. The same rules split inline commands.
//
//   requirepass "a b\x00" 'it\'s'   ->   requirepass | a b<NUL> | it's
//
// All texts here are byte strings (see byte-text.ts).

const BLANKS = ' \t\n\r\v\f';
const WORD_ENDS = ' \t\n\r';
const TRIMMED = ' \t\r\n';
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  a: '\x07',
};
const HEX_PAIR = /^[0-9a-fA-F]{2}$/;

/** Removes blanks, tabs, CR and LF from both ends: what counts as the line in error messages. */
export function trimLine(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && TRIMMED.includes(line[start]!)) start++;
  while (end > start && TRIMMED.includes(line[end - 1]!)) end--;
  return line.slice(start, end);
}

/** True for a trimmed line that carries no directive. */
export function isCommentOrBlank(trimmed: string): boolean {
  return trimmed === '' || trimmed.startsWith('#');
}

/**
 * The words of a line, or null when quotes are unbalanced or a closing quote touches the next
 * word. A NUL byte ends the line, as it does in C. O(length).
 */
export function splitArguments(line: string): string[] | null {
  const nul = line.indexOf('\0');
  const text = nul === -1 ? line : line.slice(0, nul);
  const words: string[] = [];
  const word = { text: '', next: 0 };
  for (;;) {
    while (word.next < text.length && BLANKS.includes(text[word.next]!)) word.next++;
    if (word.next >= text.length) return words;
    if (!readWord(text, word)) return null;
    words.push(word.text);
  }
}

/** Reads one word from `word.next` on and moves `next` behind it; false: unbalanced quotes. */
function readWord(text: string, word: { text: string; next: number }): boolean {
  let result = '';
  let at = word.next;
  while (at < text.length && !WORD_ENDS.includes(text[at]!)) {
    const character = text[at]!;
    if (character !== '"' && character !== "'") {
      result += character;
      at++;
      continue;
    }
    const quoted = { text: result, next: at + 1 };
    if (!(character === '"' ? readDouble(text, quoted) : readSingle(text, quoted))) return false;
    word.text = quoted.text;
    word.next = quoted.next;
    return quoted.next >= text.length || BLANKS.includes(text[quoted.next]!);
  }
  word.text = result;
  word.next = at;
  return true;
}

function readDouble(text: string, quoted: { text: string; next: number }): boolean {
  let at = quoted.next;
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      quoted.next = at + 1;
      return true;
    }
    if (character !== '\\' || at + 1 >= text.length) {
      quoted.text += character;
      continue;
    }
    const pair = text.slice(at + 2, at + 4);
    if (text[at + 1] === 'x' && HEX_PAIR.test(pair)) {
      quoted.text += String.fromCharCode(Number.parseInt(pair, 16));
      at += 3;
    } else {
      at++;
      quoted.text += ESCAPES[text[at]!] ?? text[at]!;
    }
  }
  return false;
}

function readSingle(text: string, quoted: { text: string; next: number }): boolean {
  for (let at = quoted.next; at < text.length; at++) {
    const character = text[at]!;
    if (character === "'") {
      quoted.next = at + 1;
      return true;
    }
    if (character === '\\' && text[at + 1] === "'") {
      quoted.text += "'";
      at++;
    } else {
      quoted.text += character;
    }
  }
  return false;
}

/**
 * A source file as the style rules see it. There is no parser here: TypeScript 7 has none to call,
 * and for code that Biome formats, blanking comments and strings and matching brackets is exact
 * enough.
 */

/** A stretch of the file that is a comment, delimiters included. */
export interface CommentSpan {
  readonly start: number;
  readonly end: number;
}

export interface ImportStatement {
  readonly offset: number;
  readonly specifier: string;
  /** `import type` or `export type`: erased when the program runs. */
  readonly isTypeOnly: boolean;
  /** `export … from`. */
  readonly isReExport: boolean;
}

export interface FunctionSpan {
  /** Offset of the first word of its header. */
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** After these a slash begins a regular expression, not a division. */
const REGEX_BEFORE = /(?:^|[([{},;:=!&|?+\-*%<>~^]|\b(?:return|typeof|case|of|in))\s*$/;
const CONTROL_HEADER =
  /^(?:\}?\s*else\s+)?(?:if|for|while|switch|catch|with|do|else|try|finally)\b/;

export class SourceFile {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly text: string;
  /**
   * The text with comments and the insides of strings, templates and regular expressions turned
   * into blanks.
   */
  readonly code: string;
  readonly comments: readonly CommentSpan[];
  readonly lines: readonly string[];
  readonly #lineStarts: number[] = [0];

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    const blanker = new Blanker(text);
    this.code = blanker.run();
    this.comments = blanker.comments;
    this.lines = text.split('\n');
    for (let i = 0; i < text.length; i++) if (text[i] === '\n') this.#lineStarts.push(i + 1);
  }

  /** Line number from 1. O(log lines). */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** Static and dynamic imports and `export … from`, in order. */
  imports(): readonly ImportStatement[] {
    const found: ImportStatement[] = [];
    const pattern =
      /\b(import|export)\b(\s+type\b)?(?:[^;'"`()]*?\bfrom)?\s*(\(\s*)?(['"])([^'"]*)\4/g;
    for (const match of this.code.matchAll(pattern)) {
      const quote = match.index + match[0].length - match[5]!.length - 1;
      found.push({
        offset: match.index,
        specifier: this.text.slice(quote, quote + match[5]!.length),
        isTypeOnly: match[2] !== undefined,
        isReExport: match[1] === 'export',
      });
    }
    return found;
  }

  /** Functions, methods and block-bodied arrow functions, nested ones too. */
  functions(): readonly FunctionSpan[] {
    return new FunctionFinder(this.code).run();
  }
}

/** Replaces what is not code by blanks; offsets and line ends stay. */
class Blanker {
  readonly comments: CommentSpan[] = [];
  readonly #text: string;
  readonly #out: string[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#out = [...text.split('')];
  }

  run(): string {
    this.#code(false);
    return this.#out.join('');
  }

  #blank(from: number, to: number): void {
    for (let i = from; i < to; i++) if (this.#out[i] !== '\n') this.#out[i] = ' ';
  }

  /** Reads code up to the end of the file, or of a `${…}` in a template. */
  #code(isInTemplate: boolean): void {
    const text = this.#text;
    let depth = 0;
    while (this.#at < text.length) {
      const char = text[this.#at]!;
      const next = text[this.#at + 1];
      if (char === '/' && (next === '/' || next === '*')) this.#comment(next === '*');
      else if (char === "'" || char === '"') this.#quoted(char);
      else if (char === '`') this.#template();
      else if (char === '/' && this.#isRegex()) this.#regex();
      else {
        if (char === '{') depth += 1;
        if (char === '}') {
          if (depth === 0 && isInTemplate) return;
          depth -= 1;
        }
        this.#at += 1;
      }
    }
  }

  #comment(isBlock: boolean): void {
    const start = this.#at;
    const found = this.#text.indexOf(isBlock ? '*/' : '\n', start + 2);
    const end = found < 0 ? this.#text.length : found + (isBlock ? 2 : 0);
    this.comments.push({ start, end });
    this.#blank(start, end);
    this.#at = end;
  }

  #quoted(quote: string): void {
    const start = this.#at + 1;
    this.#at = start;
    while (this.#at < this.#text.length && this.#text[this.#at] !== quote) {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#blank(start, this.#at);
    this.#at += 1;
  }

  #template(): void {
    const text = this.#text;
    this.#at += 1;
    let start = this.#at;
    while (this.#at < text.length && text[this.#at] !== '`') {
      if (text[this.#at] === '$' && text[this.#at + 1] === '{') {
        this.#blank(start, this.#at + 2);
        this.#at += 2;
        this.#code(true);
        start = this.#at;
      }
      this.#at += text[this.#at] === '\\' ? 2 : 1;
    }
    this.#blank(start, this.#at);
    this.#at += 1;
  }

  #isRegex(): boolean {
    return REGEX_BEFORE.test(this.#out.slice(Math.max(0, this.#at - 40), this.#at).join(''));
  }

  #regex(): void {
    const text = this.#text;
    const start = this.#at + 1;
    let isInClass = false;
    this.#at = start;
    while (this.#at < text.length && (isInClass || text[this.#at] !== '/')) {
      if (text[this.#at] === '[') isInClass = true;
      if (text[this.#at] === ']') isInClass = false;
      this.#at += text[this.#at] === '\\' ? 2 : 1;
    }
    this.#blank(start, this.#at);
    this.#at += 1;
  }
}

interface OpenBracket {
  readonly bracket: string;
  /** What stood between the last boundary and this bracket, and where that began. */
  readonly header: string;
  readonly headerStart: number;
  readonly functionName: string | null;
  /** An object or type literal: the statement goes on behind it. */
  readonly isLiteral: boolean;
}

/**
 * Name of the function whose body a `{` behind `header` opens, or null. Brackets in the header are
 * collapsed.
 */
function functionNameOf(header: string): string | null {
  const text = header.trim();
  if (text.endsWith('=>')) return /([\w$#]+)\s*(?::[^=]*)?=\s*[^=]*=>$/.exec(text)?.[1] ?? 'arrow';
  if (CONTROL_HEADER.test(text)) return null;
  const match = /([\w$#]+)\s*(?:<.*>)?\s*\(\)\s*(?::[^=]*[\w\]>)'])?$/s.exec(text);
  return match?.[1] ?? null;
}

function opensLiteral(header: string): boolean {
  return /(?:[=(,:|&<[?]|\breturn|\bdefault|\bextends|\bsatisfies|\bas)\s*$/.test(header);
}

class FunctionFinder {
  readonly #code: string;
  readonly #stack: OpenBracket[] = [];
  readonly #found: FunctionSpan[] = [];
  #header = '';
  #headerStart = 0;

  constructor(code: string) {
    this.#code = code;
  }

  run(): readonly FunctionSpan[] {
    for (let at = 0; at < this.#code.length; at++) {
      const char = this.#code[at]!;
      if (char === '{' || char === '(' || char === '[') this.#open(char, at);
      else if (char === '}' || char === ')' || char === ']') this.#close(at);
      else if (char === ';') this.#reset();
      else {
        if (this.#header === '' && char.trim() !== '') this.#headerStart = at;
        if (this.#header !== '' || char.trim() !== '') this.#header += char;
      }
    }
    return this.#found;
  }

  #reset(): void {
    this.#header = '';
  }

  #open(bracket: string, at: number): void {
    const header = this.#header;
    const headerStart = header === '' ? at : this.#headerStart;
    const functionName = bracket === '{' ? functionNameOf(header) : null;
    const isLiteral = bracket !== '{' || (functionName === null && opensLiteral(header));
    this.#stack.push({ bracket, header, headerStart, functionName, isLiteral });
    this.#reset();
  }

  #close(at: number): void {
    const open = this.#stack.pop();
    if (open === undefined) return;
    if (open.functionName !== null) {
      this.#found.push({ start: open.headerStart, end: at, name: open.functionName });
    }
    this.#reset();
    if (!open.isLiteral) return;
    this.#header = `${open.header}${open.bracket === '(' ? '()' : '[]'}`;
    this.#headerStart = open.headerStart;
  }
}

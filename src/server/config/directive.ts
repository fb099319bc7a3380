// What a configuration directive is, and the constructors for the plain kinds of directive.
//
// A value's truth is its canonical text: what CONFIG GET answers (bytes as a number, yes/no, octal
// permissions). Everything else is derived from that text, so that a snapshot of the configuration
// is a record of strings, and handing a change to another thread is handing over its text.
//
// BigInt is used for ranges because Redis's bounds reach 2^64 - 1; nothing here is on a hot path.

import { quoteArgument } from '../../base/quoted-text.ts';

/** Cannot change after the start. */
export const IMMUTABLE = 1;
/** CONFIG SET only as `enable-protected-configs` allows. */
export const PROTECTED = 2;
/** Takes a list of words; checks their number itself. */
export const MULTI = 4;
/** CONFIG GET shows it for its exact name only, never for a pattern. */
export const HIDDEN = 8;
/** A secret: never to be logged, redacted in SLOWLOG and MONITOR. */
export const SENSITIVE = 16;
/** Accepted for compatibility with Redis, without effect here; reported once in the log. */
export const NO_MEANING = 32;

/**
 * Not a directive of every Redis: CONFIG SET to the value it has succeeds even when it is
 * immutable, so that programs that write back what CONFIG GET * shows work as they do with Redis.
 */
export const OWN = 64;

export const INT_MAX = 2147483647n;
export const INT_MIN = -2147483648n;
export const UINT_MAX = 4294967295n;
export const LONG_MAX = 9223372036854775807n;
export const ULONG_MAX = 18446744073709551615n;

/** Outcome of reading a value: its canonical text, or why it was refused (no "ERR" in front). */
export type Parsed =
  | { readonly text: string; readonly error?: never }
  | { readonly error: string; readonly text?: never };

/** What a special directive may need to know beside its words. */
export interface ParseContext {
  /** The canonical text in force before. */
  readonly current: string;
  /** True while the configuration file and the command line are read, false for CONFIG SET. */
  readonly loading: boolean;
  /** True when an earlier line of this load already set the directive. */
  readonly repeated: boolean;
}

/** One line for CONFIG REWRITE. An unforced line only replaces a line that is there already. */
export interface RewriteLine {
  readonly line: string;
  readonly forced: boolean;
}

/** Which typed getter of the store answers for the directive. */
export type ValueType = 'bool' | 'int' | 'text';

/** One entry of the table. Aliases do all that the name does; CONFIG REWRITE writes the name. */
export interface Directive<N extends string = string, T extends ValueType = ValueType> {
  readonly name: N;
  readonly type: T;
  readonly aliases: readonly string[];
  readonly flags: number;
  /** The default, as canonical text. */
  readonly initial: string;
  readonly parse: (words: readonly string[], context: ParseContext) => Parsed;
  /** The number behind a canonical text; only for type 'int'. Above 2^53 it is rounded. */
  readonly numberOf: (text: string) => number;
  /** The lines that set `text` again; none: the directive's old lines go away. */
  readonly rewrite: (text: string) => readonly RewriteLine[];
}

/** A name, with its aliases if any: `'port'` or `['replica-priority', 'slave-priority']`. */
type Names<N extends string> = N | readonly [N, ...string[]];

function nameOf<N extends string>(names: Names<N>): N {
  return typeof names === 'string' ? names : names[0];
}

function aliasesOf(names: Names<string>): readonly string[] {
  return typeof names === 'string' ? [] : names.slice(1);
}

function notANumber(): number {
  return Number.NaN;
}

function plainRewrite(name: string, initial: string, show: (text: string) => string) {
  return (text: string): readonly RewriteLine[] => [
    { line: `${name} ${show(text)}`, forced: text !== initial },
  ];
}

function asIs(text: string): string {
  return text;
}

/** yes/no. */
export function bool<const N extends string>(
  names: Names<N>,
  initial: 'yes' | 'no',
  flags = 0,
): Directive<N, 'bool'> {
  const name = nameOf(names);
  return {
    name,
    type: 'bool',
    aliases: aliasesOf(names),
    flags,
    initial,
    parse: parseBool,
    numberOf: notANumber,
    rewrite: plainRewrite(name, initial, asIs),
  };
}

function parseBool(words: readonly string[]): Parsed {
  const text = words[0]!.toLowerCase();
  return text === 'yes' || text === 'no' ? { text } : { error: "argument must be 'yes' or 'no'" };
}

/** How a whole number is written. */
interface NumberForm {
  readonly read: (word: string) => bigint | null;
  readonly show: (value: bigint) => string;
  readonly showBound: (value: bigint) => string;
  readonly rewrite: (text: string) => string;
  readonly numberOf: (text: string) => number;
  readonly complaint: string;
}

const STRICT_INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const OCTAL = /^(?:|[ \t\n\v\f\r]*[+-]?[0-7]+)$/;
const MEMORY = /^([0-9]{0,127})(b|kb?|mb?|gb?|)$/i;
const PERCENT = /^(0|[1-9][0-9]{0,18})%$/;
const UNIT_BYTES: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000n ** 2n,
  mb: 1024n ** 2n,
  g: 1000n ** 3n,
  gb: 1024n ** 3n,
};

function decimal(value: bigint): string {
  return value.toString();
}

const INTEGER_FORM: NumberForm = {
  read: (word) => {
    if (!STRICT_INTEGER.test(word)) return null;
    const value = BigInt(word);
    return BigInt.asIntN(64, value) === value ? value : null;
  },
  show: decimal,
  showBound: decimal,
  rewrite: asIs,
  numberOf: Number,
  complaint: "argument couldn't be parsed into an integer",
};

const OCTAL_FORM: NumberForm = {
  read: (word) => {
    if (!OCTAL.test(word)) return null;
    const value = Number.parseInt(word || '0', 8);
    // Redis compares as unsigned, so a negative number is beyond every bound.
    return value < 0 ? ULONG_MAX : BigInt(value);
  },
  show: (value) => value.toString(8),
  showBound: (value) => value.toString(8),
  rewrite: asIs,
  numberOf: (text) => Number.parseInt(text, 8),
  complaint: "argument couldn't be parsed as an octal number",
};

const MEMORY_FORM: NumberForm = {
  read: parseMemory,
  show: decimal,
  showBound: decimal,
  rewrite: formatMemory,
  numberOf: Number,
  complaint: 'argument must be a memory value',
};

/**
 * A number of bytes with an optional unit (1k = 1000, 1kb = 1024, … g, gb; any case), modulo 2^64
 * as in Redis; null when it is not one. The empty text is 0.
 */
export function parseMemory(word: string): bigint | null {
  const match = MEMORY.exec(word);
  if (match === null) return null;
  const digits = BigInt(match[1] || '0');
  const value = digits > ULONG_MAX ? ULONG_MAX : digits;
  return BigInt.asUintN(64, value * UNIT_BYTES[match[2]!.toLowerCase()]!);
}

/** Bytes in the largest unit that divides them, for CONFIG REWRITE; a percentage as it is. */
export function formatMemory(text: string): string {
  if (text.endsWith('%')) return text;
  const bytes = BigInt(text);
  if (bytes === 0n) return '0';
  for (const unit of ['gb', 'mb', 'kb']) {
    const size = UNIT_BYTES[unit]!;
    if (bytes % size === 0n) return `${bytes / size}${unit}`;
  }
  return text;
}

function numeric<N extends string>(
  names: Names<N>,
  initial: bigint,
  range: readonly [number | bigint, number | bigint],
  flags: number,
  form: NumberForm,
): Directive<N, 'int'> {
  const name = nameOf(names);
  const [min, max] = [BigInt(range[0]), BigInt(range[1])];
  const initialText = form.show(initial);
  return {
    name,
    type: 'int',
    aliases: aliasesOf(names),
    flags,
    initial: initialText,
    parse: (words) => {
      const value = form.read(words[0]!);
      if (value === null) return { error: form.complaint };
      if (value >= min && value <= max) return { text: form.show(value) };
      const bounds = `${form.showBound(min)} and ${form.showBound(max)}`;
      return { error: `argument must be between ${bounds} inclusive` };
    },
    numberOf: form.numberOf,
    rewrite: plainRewrite(name, initialText, form.rewrite),
  };
}

/** A whole number within [min, max]. */
export function int<const N extends string>(
  names: Names<N>,
  initial: number,
  min: number | bigint,
  max: number | bigint,
  flags = 0,
): Directive<N, 'int'> {
  return numeric(names, BigInt(initial), [min, max], flags, INTEGER_FORM);
}

/** The same directive, but a value within its bounds is pulled into [low, high]. */
export function clamped<const N extends string>(
  directive: Directive<N, 'int'>,
  low: bigint,
  high: bigint,
): Directive<N, 'int'> {
  return {
    ...directive,
    parse: (words, context) => {
      const parsed = directive.parse(words, context);
      if (parsed.error !== undefined) return parsed;
      const value = BigInt(parsed.text);
      return { text: String(value < low ? low : value > high ? high : value) };
    },
  };
}

/** An octal number, for file permissions. */
export function octal<const N extends string>(
  name: N,
  initial: number,
  max: number,
  flags = 0,
): Directive<N, 'int'> {
  return numeric(name, BigInt(initial), [0, max], flags, OCTAL_FORM);
}

/** Bytes, with units on input. */
export function memory<const N extends string>(
  names: Names<N>,
  initial: number,
  min: number | bigint,
  max: number | bigint,
  flags = 0,
): Directive<N, 'int'> {
  return numeric(names, BigInt(initial), [min, max], flags, MEMORY_FORM);
}

/** Bytes, or a percentage of maxmemory: `store.int` gives 5% as -5. */
export function memoryOrPercent<const N extends string>(
  name: N,
  initial: number,
  flags = 0,
): Directive<N, 'int'> {
  const bytes = memory(name, initial, 0, LONG_MAX, flags);
  return {
    ...bytes,
    parse: (words, context) => {
      const percent = PERCENT.exec(words[0]!);
      if (percent === null) {
        const parsed = bytes.parse(words, context);
        if (parsed.error !== MEMORY_FORM.complaint) return parsed;
        return { error: 'argument must be a memory or percent value' };
      }
      const value = BigInt(percent[1]!);
      if (value > 100n) return { error: 'percentage argument must be less or equal to 100' };
      return { text: value === 0n ? '0' : `${value}%` };
    },
    numberOf: (text) => (text.endsWith('%') ? -Number.parseInt(text, 10) : Number(text)),
  };
}

/** One of a list of words, in any case. `synonyms` are accepted and stored as what they map to. */
export function choice<const N extends string>(
  name: N,
  initial: string,
  values: readonly string[],
  flags = 0,
  synonyms: Readonly<Record<string, string>> = {},
): Directive<N, 'text'> {
  return {
    name,
    type: 'text',
    aliases: [],
    flags,
    initial,
    parse: (words) => {
      const word = words[0]!.toLowerCase();
      if (!values.includes(word)) return { error: choiceError(values) };
      return { text: synonyms[word] ?? word };
    },
    numberOf: notANumber,
    rewrite: plainRewrite(name, initial, asIs),
  };
}

/** The refusal of a word that is none of `values`, in the order that Redis lists them. */
export function choiceError(values: readonly string[]): string {
  return `argument(s) must be one of the following: ${values.join(', ')}`;
}

/** A check of a string value: the reason why it is refused, or null. */
export type TextCheck = (text: string) => string | null;

/** A string of which the empty one is a value like others (`logfile ""`). */
export function text<const N extends string>(
  names: Names<N>,
  initial: string,
  flags = 0,
  check?: TextCheck,
): Directive<N, 'text'> {
  const name = nameOf(names);
  return {
    name,
    type: 'text',
    aliases: aliasesOf(names),
    flags,
    initial,
    parse: (words) => {
      const error = check?.(words[0]!) ?? null;
      return error === null ? { text: words[0]! } : { error };
    },
    numberOf: notANumber,
    rewrite: plainRewrite(name, initial, quoteArgument),
  };
}

/** A string whose empty value means "not set" and is never written to the file. */
export function optionalText<const N extends string>(
  names: Names<N>,
  flags = 0,
  check?: TextCheck,
): Directive<N, 'text'> {
  const plain = text(names, '', flags, check);
  return { ...plain, rewrite: (value) => (value === '' ? [] : plain.rewrite(value)) };
}

/** A directive with rules of its own. */
export function special<const N extends string>(
  names: Names<N>,
  initial: string,
  flags: number,
  parse: Directive['parse'],
  rewrite: (name: string, value: string) => readonly RewriteLine[],
): Directive<N, 'text'> {
  const name = nameOf(names);
  return {
    name,
    type: 'text',
    aliases: aliasesOf(names),
    flags,
    initial,
    parse,
    numberOf: notANumber,
    rewrite: (value) => rewrite(name, value),
  };
}

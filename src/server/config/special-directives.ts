// Directives whose values have a syntax of their own: save, client-output-buffer-limit, bind, dir,
// notify-keyspace-events, percentiles, shutdown flags, oom scores, replicaof. Each parse function
// turns words into the canonical text that CONFIG GET shows; readers of that text stand beside it.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoText } from '../../base/errno-text.ts';
import { quoteArgument } from '../../base/quoted-text.ts';
import { fromByteText, toByteText } from './byte-text.ts';
import {
  choiceError,
  formatMemory,
  type ParseContext,
  type Parsed,
  parseMemory,
  type RewriteLine,
} from './directive.ts';

const BIND_ADDRESS_COUNT_MAX = 16;
const WHOLE_NUMBER = /^(?:|[ \t\n\v\f\r]*[+-]?[0-9]+)$/;

/** A number as C's strtoll reads it when nothing may follow; the empty word is 0. NaN: not one. */
function looseInteger(word: string): number {
  return WHOLE_NUMBER.test(word) ? Number(word) : Number.NaN;
}

function isSingleEmpty(words: readonly string[]): boolean {
  return words.length === 1 && words[0] === '';
}

// save <seconds> <changes> [<seconds> <changes> …] ---------------------------------------------

/** A snapshot is due after `seconds` when at least `changes` keys changed. */
export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/** The save points of a canonical `save` text; none when snapshots are off. */
export function readSavePoints(text: string): SavePoint[] {
  const numbers = text === '' ? [] : text.split(' ').map(Number);
  const points: SavePoint[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    points.push({ seconds: numbers[at]!, changes: numbers[at + 1]! });
  }
  return points;
}

/** In a file every further `save` line adds points; the first one, and CONFIG SET, replace them. */
export function parseSave(words: readonly string[], context: ParseContext): Parsed {
  const given = isSingleEmpty(words) ? [] : words;
  const numbers = given.map(looseInteger);
  const valid = numbers.every((value, at) => value >= (at % 2 === 0 ? 1 : 0));
  if (given.length % 2 === 1 || !valid) return { error: 'Invalid save parameters' };
  const added = numbers.join(' ');
  if (!context.loading || !context.repeated || context.current === '') return { text: added };
  // An empty `save ""` behind other lines forgets them.
  return { text: added === '' ? '' : `${context.current} ${added}` };
}

/** Always written: no line at all would mean the default points. */
export function rewriteSave(name: string, text: string): RewriteLine[] {
  return [{ line: `${name} ${text === '' ? '""' : text}`, forced: true }];
}

// client-output-buffer-limit <class> <hard> <soft> <soft seconds> [<class> …] --------------------

/** The limits of one class of clients; 0 bytes or seconds: no limit. */
export interface OutputBufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

export interface OutputBufferLimits {
  readonly normal: OutputBufferLimit;
  readonly replica: OutputBufferLimit;
  readonly pubsub: OutputBufferLimit;
}

const BUFFER_CLASSES: Readonly<Record<string, number>> = {
  normal: 0,
  slave: 1,
  replica: 1,
  pubsub: 2,
};
const BUFFER_CLASS_WORDS = 4;
export const DEFAULT_OUTPUT_BUFFER_LIMITS =
  'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60';

/** The limits behind a canonical text. */
export function readOutputBufferLimits(text: string): OutputBufferLimits {
  const words = text.split(' ');
  const limit = (index: number): OutputBufferLimit => ({
    hardBytes: Number(words[index * BUFFER_CLASS_WORDS + 1]),
    softBytes: Number(words[index * BUFFER_CLASS_WORDS + 2]),
    softSeconds: Number(words[index * BUFFER_CLASS_WORDS + 3]),
  });
  return { normal: limit(0), replica: limit(1), pubsub: limit(2) };
}

/** Classes that are not named keep their limits. */
export function parseOutputBufferLimits(words: readonly string[], context: ParseContext): Parsed {
  if (words.length % BUFFER_CLASS_WORDS !== 0) {
    return { error: 'Wrong number of arguments in buffer limit configuration.' };
  }
  const result = context.current.split(' ');
  for (let at = 0; at < words.length; at += BUFFER_CLASS_WORDS) {
    const index = BUFFER_CLASSES[words[at]!.toLowerCase()];
    if (index === undefined) {
      return { error: 'Invalid client class specified in buffer limit configuration.' };
    }
    const hard = parseMemory(words[at + 1]!);
    const soft = parseMemory(words[at + 2]!);
    const seconds = looseInteger(words[at + 3]!);
    if (hard === null || soft === null || !(seconds >= 0)) {
      return {
        error: 'Error in hard, soft or soft_seconds setting in buffer limit configuration.',
      };
    }
    const values = [String(hard), String(soft), String(seconds)];
    result.splice(index * BUFFER_CLASS_WORDS + 1, 3, ...values);
  }
  return { text: result.join(' ') };
}

/** One line for each class, written where it differs from the default. */
export function rewriteOutputBufferLimits(name: string, text: string): RewriteLine[] {
  const words = text.split(' ');
  const initial = DEFAULT_OUTPUT_BUFFER_LIMITS.split(' ');
  return ['normal', 'replica', 'pubsub'].map((shown, index) => {
    const at = index * BUFFER_CLASS_WORDS;
    const [hard, soft, seconds] = [words[at + 1]!, words[at + 2]!, words[at + 3]!];
    const forced = [1, 2, 3].some((offset) => words[at + offset] !== initial[at + offset]);
    return {
      line: `${name} ${shown} ${formatMemory(hard)} ${formatMemory(soft)} ${seconds}`,
      forced,
    };
  });
}

// bind <address> … -------------------------------------------------------------------------------

export const DEFAULT_BIND = '127.0.0.1 -::1';

/** The addresses of a canonical `bind` text. A leading '-' means: no error when it is missing. */
export function readBindAddresses(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

/** At most 16 addresses; `bind ""` listens nowhere. */
export function parseBind(words: readonly string[]): Parsed {
  if (words.length > BIND_ADDRESS_COUNT_MAX) {
    return { error: 'Too many bind addresses specified.' };
  }
  return { text: isSingleEmpty(words) ? '' : words.join(' ') };
}

/** Not written while it is the default. */
export function rewriteBind(name: string, text: string): RewriteLine[] {
  if (text === DEFAULT_BIND) return [];
  return [{ line: `${name} ${text === '' ? '""' : text}`, forced: true }];
}

// dir <path> -------------------------------------------------------------------------------------

/** Keeps an absolute path, relative ones being relative to the `dir` in force; it must exist. */
export function parseDir(words: readonly string[], context: ParseContext): Parsed {
  if (words[0] === '') return { error: 'No such file or directory' };
  const path = resolve(fromByteText(context.current), fromByteText(words[0]!));
  try {
    if (!statSync(path).isDirectory()) return { error: 'Not a directory' };
  } catch (error) {
    return { error: errnoText(error) };
  }
  return { text: toByteText(path) };
}

/** Always written, absolute: the file may be read from elsewhere. */
export function rewriteDir(name: string, text: string): RewriteLine[] {
  return [{ line: `${name} ${quoteArgument(text)}`, forced: true }];
}

// notify-keyspace-events <characters> ------------------------------------------------------------

/** What A stands for; arrays (a) and streams (t) have no commands yet. */
const EVENT_CLASSES = 'g$lshzxetda';
/** Everything in the order of CONFIG GET. */
const EVENT_CHARACTERS = 'g$lshzxetdnocaKEmSTIV';

/**
 * Orders and deduplicates the characters. All classes of A together are shown as that. Unlike in
 * Redis, n, o and c are shown beside A, too: CONFIG REWRITE would lose them.
 */
export function parseNotifyKeyspaceEvents(words: readonly string[]): Parsed {
  const given = new Set(words[0]!.replaceAll('A', EVENT_CLASSES));
  for (const character of given) {
    if (!EVENT_CHARACTERS.includes(character)) {
      return { error: "Invalid event class character. Use 'Ag$lshzxeKEtmdnocaSTIV'." };
    }
  }
  const present = [...EVENT_CHARACTERS].filter((character) => given.has(character));
  if (![...EVENT_CLASSES].every((character) => given.has(character))) {
    return { text: present.join('') };
  }
  return { text: `A${present.filter((character) => !EVENT_CLASSES.includes(character)).join('')}` };
}

/** Quoted: the characters may be none. */
export function rewriteNotifyKeyspaceEvents(name: string, text: string): RewriteLine[] {
  return [{ line: `${name} ${quoteArgument(text)}`, forced: text !== '' }];
}

// latency-tracking-info-percentiles <number> … ---------------------------------------------------

const FLOATING_POINT = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const PERCENTILE_DIGITS = 6;

/** Numbers from 0 to 100, shown without trailing zeros; an empty word means none. */
export function parsePercentiles(words: readonly string[]): Parsed {
  const shown: string[] = [];
  for (const word of isSingleEmpty(words) ? [] : words) {
    if (!FLOATING_POINT.test(word)) {
      return { error: 'Invalid latency-tracking-info-percentiles parameters' };
    }
    const value = Number(word);
    if (value < 0 || value > 100) {
      const error = 'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]';
      return { error };
    }
    shown.push(String(Number(value.toFixed(PERCENTILE_DIGITS))));
  }
  return { text: shown.join(' ') };
}

// shutdown-on-sigint, shutdown-on-sigterm <flag> … -----------------------------------------------

const SHUTDOWN_WORDS = ['default', 'save', 'nosave', 'now', 'force'];

/** A set of words in fixed order; `default` is the empty set. */
export function parseShutdownFlags(words: readonly string[]): Parsed {
  const given = new Set(words.map((word) => word.toLowerCase()));
  const known = [...given].every((word) => SHUTDOWN_WORDS.includes(word));
  if (!known || given.size === 0) return { error: choiceError(SHUTDOWN_WORDS) };
  if (given.has('save') && given.has('nosave')) {
    return { error: "shutdown options SAVE and NOSAVE can't be used simultaneously" };
  }
  given.delete('default');
  return { text: SHUTDOWN_WORDS.filter((word) => given.has(word)).join(' ') || 'default' };
}

/** For values that are plain words: written where they differ from `initial`. */
export function rewriteWords(initial: string): (name: string, text: string) => RewriteLine[] {
  return (name, text) => [{ line: `${name} ${text}`, forced: text !== initial }];
}

/** For values that are written even where they are the default. */
export function rewriteAlways(name: string, text: string): RewriteLine[] {
  return [{ line: `${name} ${text === '' ? '""' : text}`, forced: true }];
}

// oom-score-adj-values <master> <replica> <child> ------------------------------------------------

const OOM_VALUE_COUNT = 3;
const OOM_VALUE_MAX = 2000;

/** Three integers from -2000 to 2000. */
export function parseOomScores(words: readonly string[]): Parsed {
  if (words.length !== OOM_VALUE_COUNT) return { error: 'wrong number of arguments' };
  const values = words.map(looseInteger);
  if (!values.every((value) => Math.abs(value) <= OOM_VALUE_MAX)) {
    const error = 'Invalid oom-score-adj-values, elements must be between -2000 and 2000.';
    return { error };
  }
  return { text: values.join(' ') };
}

// replicaof <host> <port> | no one ---------------------------------------------------------------

const PORT_MAX = 65535;

/** `no one` becomes the empty text. */
export function parseReplicaof(words: readonly string[]): Parsed {
  if (words.length !== 2) return { error: 'wrong number of arguments' };
  const [host, portWord] = [words[0]!, words[1]!];
  if (host.toLowerCase() === 'no' && portWord.toLowerCase() === 'one') return { text: '' };
  const port = looseInteger(portWord);
  if (!(port >= 0 && port <= PORT_MAX)) return { error: 'Invalid master port' };
  return { text: `${host} ${port}` };
}

/** Not written on a primary. */
export function rewriteReplicaof(name: string, text: string): RewriteLine[] {
  return text === '' ? [] : [{ line: `${name} ${text}`, forced: true }];
}

// enable-debug-command, enable-protected-configs, enable-module-command: no | yes | local ---------

/**
 * Whether such a value lets a client do it. `local` lets clients on a loopback address or a Unix
 * socket.
 */
export function allowsProtectedAction(value: string, localClient: boolean): boolean {
  return value === 'yes' || (value === 'local' && localClient);
}

// Checks of plain strings ------------------------------------------------------------------------

/** A file name without a directory, for files that live in `dir`. */
export function baseNameCheck(name: string, what: string): (text: string) => string | null {
  return (text) => {
    if (text === '') return `${name} can't be empty`;
    return /[/\\]/.test(text) ? `${name} can't be a path, just a ${what}` : null;
  };
}

const HOST_LENGTH_MAX = 256;

/** Error text of a host name that is too long or holds other characters, or null. */
export function hostnameCheck(text: string): string | null {
  if (text.length >= HOST_LENGTH_MAX) return 'Hostnames must be less than 256 characters';
  if (/^[A-Za-z0-9.-]*$/.test(text)) return null;
  return 'Hostnames may only contain alphanumeric characters, hyphens or dots';
}

const TITLE_VARIABLES = [
  'title',
  'listen-addr',
  'server-mode',
  'port',
  'tls-port',
  'unixsocket',
  'config-file',
];

/** Error text of a title with an unknown or unclosed {variable}, or null. */
export function titleTemplateCheck(text: string): string | null {
  const rest = text.replace(/\{([^{}]*)\}/g, (whole, name: string) =>
    TITLE_VARIABLES.includes(name) ? '' : whole,
  );
  return text === '' || rest.includes('{')
    ? 'template format is invalid or contains unknown variables'
    : null;
}

// The command line, as redis-server takes it:
//
//   tessera-server [file] [--directive value …]… [-]
//
// Directives become lines behind those of the file and of standard input ("-", first or last), so
// they override them. Values run up to the next word that starts with "--"; a directive's first
// value may itself start so. Values are quoted, names are not: `'--port 7000'` as one word works.

import { readFileSync } from 'node:fs';
import { quoteArgument } from '../base/quoted-text.ts';
import { REDIS_VERSION, TESSERA_VERSION } from '../base/version.ts';
import { toByteText } from './config/byte-text.ts';
import { splitArguments } from './config/lines.ts';
import { type LoadOptions, loadConfig } from './config/load.ts';
import { ConfigStore } from './config/store.ts';

/** What the command line asks for. */
export type CommandLine =
  | { readonly action: 'version' | 'help' }
  | {
      readonly action: 'run';
      /** The configuration file as given, or null. */
      readonly file: string | null;
      readonly readsStdin: boolean;
      /** Directives as configuration lines, a byte string. */
      readonly options: string;
    };

const HELP = `Usage: tessera-server [/path/to/redis.conf] [options] [-]
       tessera-server - (read config from stdin)
       tessera-server -v or --version
       tessera-server -h or --help

Options are directives of the configuration file: --name value [value ...]

Examples:
       tessera-server (run the server with the defaults)
       echo 'maxmemory 128mb' | tessera-server -
       tessera-server /etc/redis/6379.conf
       tessera-server --port 7777
       tessera-server --port 7777 --save "" --io-threads 2
       tessera-server /etc/redis/6379.conf --loglevel verbose
`;

/** `args`: the words behind the program's name. Nothing is read or checked yet. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const first = args[0];
  if (first === '-v' || first === '--version') return { action: 'version' };
  if (first === '-h' || first === '--help') return { action: 'help' };
  const file = first !== undefined && !first.startsWith('-') ? first : null;
  const words = file === null ? args : args.slice(1);
  let readsStdin = false;
  let options = '';
  // A word "--x" right behind a name is that name's value: `--requirepass --x`.
  let expectsValue = false;
  words.forEach((word, index) => {
    const isFirst = index === 0 && file === null;
    const isLast = index === words.length - 1;
    if (word === '-' && (isFirst || isLast)) {
      readsStdin = true;
    } else if (!expectsValue && word.startsWith('--')) {
      const name = toByteText(word.slice(2));
      options += `${options === '' ? '' : '\n'}${name} `;
      expectsValue = splitArguments(name)?.length === 1;
      if (word.toLowerCase() === '--save' && (words[index + 1]?.startsWith('--') ?? true)) {
        // `--save --port 1` and a closing `--save` mean `--save ""`.
        options += '""';
        expectsValue = false;
      }
    } else {
      options += `${quoteArgument(toByteText(word))} `;
      expectsValue = false;
    }
  });
  return { action: 'run', file, readsStdin, options };
}

/** Either a configuration to run with, or what to print before ending with `exitCode`. */
export type StartDecision =
  | { readonly store: ConfigStore; readonly exitCode?: never }
  | {
      readonly store?: never;
      readonly exitCode: number;
      readonly stdout: string;
      readonly stderr: string;
    };

/** What `decideStart` takes from the process, replaceable in tests. */
export interface StartEnvironment extends LoadOptions {
  readonly workingDirectory?: string;
  /** All of standard input as a byte string; called only for "-". */
  readonly readStdin?: () => string;
}

/** Command line and configuration in one: what main does first. */
export function decideStart(args: readonly string[], environment: StartEnvironment): StartDecision {
  const line = parseCommandLine(args);
  if (line.action !== 'run') {
    const stdout = line.action === 'version' ? versionText() : HELP;
    return { exitCode: 0, stdout, stderr: '' };
  }
  const store = new ConfigStore(environment.workingDirectory);
  const stdin = line.readsStdin ? (environment.readStdin ?? readStandardInput)() : null;
  const source = { file: line.file, stdin, options: line.options };
  const failure = loadConfig(store, source, environment);
  if (failure !== null) return { exitCode: 1, stdout: '', stderr: failure };
  return { store };
}

function readStandardInput(): string {
  return readFileSync(0, 'latin1');
}

/** The line that `--version` prints. */
export function versionText(): string {
  const redis = `redis_version=${REDIS_VERSION}`;
  return `Tessera server v=${TESSERA_VERSION} ${redis} node=${process.versions.node} bits=64\n`;
}

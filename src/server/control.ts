/**
 * Control messages between main and the other threads: msgpackr-encoded over MessagePorts. Nothing
 * on the data path comes this way.
 *
 * Every request has a number chosen by its sender; the answer bears it. Main is the hub: an I/O
 * thread asks main, and main asks the other threads where that is needed.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { pack, unpack } from 'msgpackr';
import type { AclOrder, AclOutcome } from '../commands/acl-services.ts';
import type { ClientFilter, PoolJob, SaveRequest } from '../commands/spec.ts';
import type { SnapshotStart } from '../durability/snapshot-frames.ts';
import type { NotedDenials } from './acl/acl-log.ts';
import type { UsersChange } from './acl/users.ts';
import type { LoadReport, LoadTask } from './load-task.ts';
import type { FlipRequest } from './snapshot-walk.ts';

/** From a thread to main. */
export type ToMain =
  | { readonly type: 'ready'; readonly thread: number; readonly transport: string }
  | {
      readonly type: 'job';
      readonly id: number;
      readonly thread: number;
      readonly job: PoolJob;
    }
  | { readonly type: 'failed'; readonly thread: number; readonly message: string }
  | {
      readonly type: 'config-set';
      readonly id: number;
      readonly thread: number;
      readonly words: readonly string[];
      readonly isLocal: boolean;
    }
  | { readonly type: 'config-rewrite'; readonly id: number; readonly thread: number }
  | {
      readonly type: 'clients';
      readonly id: number;
      readonly thread: number;
      readonly ask: ClientsAsk;
      readonly selfId: number;
    }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  /** A snapshot file that is loaded says something about itself. */
  | { readonly type: 'load-fact'; readonly name: string; readonly value: string }
  /** A thread has done its part of a load. */
  | { readonly type: 'loaded'; readonly report: LoadReport }
  | {
      readonly type: 'shutdown';
      readonly id: number;
      readonly thread: number;
      readonly save: boolean | null;
      readonly now: boolean;
      readonly force: boolean;
    }
  | { readonly type: 'flipped'; readonly facts: SnapshotStart }
  | {
      readonly type: 'save';
      readonly id: number;
      readonly thread: number;
      readonly what: SaveRequest;
    }
  | { readonly type: 'shutdown-abort'; readonly id: number; readonly thread: number }
  | { readonly type: 'pause-cron'; readonly isPaused: boolean }
  | { readonly type: 'crash-drill'; readonly what: string; readonly stack: string }
  | {
      readonly type: 'aof-ask';
      readonly id: number;
      readonly thread: number;
      readonly what: AofAsk;
    }
  | {
      readonly type: 'acl';
      readonly id: number;
      readonly thread: number;
      readonly order: AclOrder;
      readonly clientId: number;
    }
  /** The durability thread has everything before a cut on disk. */
  | { readonly type: 'aof-cut' }
  /** It has begun, or could not begin, with the file of a `collect` order. */
  | { readonly type: 'aof-began'; readonly error: string | null };

/** From main to a thread. */
export type ToThread =
  | {
      readonly type: 'config';
      readonly id: number;
      readonly record: Readonly<Record<string, string>>;
    }
  | { readonly type: 'ask'; readonly id: number; readonly ask: ClientsAsk; readonly selfId: number }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'flip'; readonly request: FlipRequest }
  /** To a shard worker: load a file, or (null) build what the loader thread sends. */
  | { readonly type: 'load'; readonly task: LoadTask | null }
  | { readonly type: 'aof'; readonly id: number; readonly order: AofOrder }
  | { readonly type: 'replay'; readonly id: number; readonly order: ReplayOrder }
  /** Users have changed; `clientId` is the client that asked for it, which gets its reply. */
  | {
      readonly type: 'users';
      readonly id: number;
      readonly change: UsersChange;
      readonly clientId: number;
    }
  /** Asks for the refusals noted since the last time. */
  | { readonly type: 'denials'; readonly id: number }
  | { readonly type: 'stop' };

/** What clients ask main about the append-only file. */
export type AofAsk = 'rewrite' | 'rewrite-later' | 'load';

/** From main to the durability thread; paths are absolute. Each is answered. */
export type AofOrder =
  /** Opens a file and appends from now on. */
  | { readonly do: 'append'; readonly path: string }
  /** Waits for the next cut, then begins with a new file: see `aof-began`. */
  | { readonly do: 'collect'; readonly path: string }
  /** After `aof-cut`: goes on in a new file, or in the old one (null). */
  | { readonly do: 'end-cut'; readonly path: string | null }
  /** Answered when everything that came before is on disk. */
  | { readonly do: 'settle' }
  /** The same; nothing is written afterwards. */
  | { readonly do: 'close' }
  /** Drops what was collected; nothing is written afterwards. */
  | { readonly do: 'discard' };

/** From main to I/O thread 1: runs the commands of a file from offset `start` on. */
export interface ReplayOrder {
  /** Absolute; '' = no file: all databases are emptied. */
  readonly path: string;
  readonly start: number;
}

/** How a replay ended. */
export interface ReplayOutcome {
  /** `short`: the file ends within a command or transaction. */
  readonly status:
    | 'complete'
    | 'short'
    | 'bad-format'
    | 'unknown-command'
    | 'refused'
    | 'unreadable';
  /** Everything up to here is complete. */
  readonly validUpTo: number;
  /** Where it went wrong. */
  readonly offset: number;
  /** The command's name, an error reply, or what was expected. */
  readonly text: string;
  readonly commands: number;
  /** It ended within MULTI ... EXEC, between two commands. */
  readonly isInTransaction: boolean;
}

/** What main asks every I/O thread about its clients. */
export type ClientsAsk =
  | { readonly what: 'list'; readonly filter: ClientFilter }
  | { readonly what: 'kill'; readonly filter: ClientFilter }
  | { readonly what: 'unblock'; readonly clientId: number; readonly withError: boolean };

export interface Answer {
  /** An error text, or null. */
  readonly error: string | null;
  /** CLIENT LIST: lines with the ids to sort by. */
  readonly lines?: readonly (readonly [number, string])[];
  /** A status reply. */
  readonly text?: string;
  readonly count?: number;
  readonly replay?: ReplayOutcome;
  readonly acl?: AclOutcome;
  readonly denials?: NotedDenials;
  /** Result of a pool job: reply bytes. */
  readonly bytes?: Uint8Array;
}

/** One end of a control channel. */
export class ControlPort<Out, In> {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  send(message: Out): void {
    this.#port.postMessage(pack(message));
  }

  /** The next message that has arrived, or null. Does not wait. */
  poll(): In | null {
    const received = receiveMessageOnPort(this.#port);
    return received === undefined ? null : (unpack(received.message as Uint8Array) as In);
  }
}

/** Decodes a message that arrived as an event. */
export function decodeControl<In>(message: unknown): In {
  return unpack(message as Uint8Array) as In;
}

/** Encodes a message that `decodeControl` or a `ControlPort` reads. */
export function encodeControl<Out>(message: Out): Uint8Array {
  return pack(message);
}

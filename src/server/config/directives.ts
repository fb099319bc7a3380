// The table of all configuration directives: those of Redis 7 and 8 and of Valkey 8, and our own.

import { type Directive, SENSITIVE } from './directive.ts';
import {
  DATA_DIRECTIVES,
  NETWORK_DIRECTIVES,
  OWN_DIRECTIVES,
  PROCESS_DIRECTIVES,
} from './directives-server.ts';
import {
  CLUSTER_DIRECTIVES,
  PERSISTENCE_DIRECTIVES,
  REPLICATION_DIRECTIVES,
  TLS_DIRECTIVES,
} from './directives-storage.ts';

const ALL = [
  ...NETWORK_DIRECTIVES,
  ...PROCESS_DIRECTIVES,
  ...DATA_DIRECTIVES,
  ...PERSISTENCE_DIRECTIVES,
  ...REPLICATION_DIRECTIVES,
  ...CLUSTER_DIRECTIVES,
  ...TLS_DIRECTIVES,
  ...OWN_DIRECTIVES,
];

type Known = (typeof ALL)[number];

/** Names of directives with a yes/no value. */
export type BoolName = Extract<Known, { readonly type: 'bool' }>['name'];
/** Names of directives with a number: counts, bytes, permissions. */
export type IntName = Extract<Known, { readonly type: 'int' }>['name'];
/** Names of directives with any other value: words, lists, paths. */
export type TextName = Extract<Known, { readonly type: 'text' }>['name'];
/** Every directive's own name (not an alias). */
export type DirectiveName = Known['name'];

/** Every directive once, in the order in which CONFIG GET and CONFIG REWRITE go through them. */
export const DIRECTIVES: readonly Directive[] = ALL;

/** A directive under one of its names. */
export interface NamedDirective {
  readonly shown: string;
  readonly directive: Directive;
}

const BY_NAME = new Map<string, NamedDirective>();
for (const directive of DIRECTIVES) {
  for (const shown of [directive.name, ...directive.aliases]) {
    BY_NAME.set(shown, { shown, directive });
  }
}

/** Finds a directive by name or alias, in any case. O(1). */
export function findDirective(name: string): NamedDirective | undefined {
  return BY_NAME.get(name.toLowerCase());
}

/** All names with their aliases, for patterns. */
export function namedDirectives(): Iterable<NamedDirective> {
  return BY_NAME.values();
}

/** True when the value is a secret that SLOWLOG, MONITOR and the log must not show. */
export function isSensitiveDirective(name: string): boolean {
  const found = findDirective(name);
  return found !== undefined && (found.directive.flags & SENSITIVE) !== 0;
}

/** Directives that Redis dropped and still ignores in old files: exactly one value is accepted. */
export const OBSOLETE_DIRECTIVES: readonly string[] = [
  'list-max-ziplist-entries',
  'list-max-ziplist-value',
  'lua-replicate-commands',
];

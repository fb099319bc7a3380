/** What AUTH, HELLO and ACL ask of the server. Texts are byte strings: one character a byte. */
import type { ArgView } from '../resp/request-parser.ts';
import type { Session } from './spec.ts';

/** Permissions as ACL GETUSER shows them. */
export interface SelectorView {
  readonly commands: string;
  readonly keys: string;
  readonly channels: string;
}

export interface UserView {
  readonly flags: readonly string[];
  /** SHA-256 in hexadecimal digits. */
  readonly passwords: readonly string[];
  readonly root: SelectorView;
  readonly selectors: readonly SelectorView[];
}

/** An entry of ACL LOG. */
export interface AclLogView {
  readonly id: number;
  readonly count: number;
  readonly reason: string;
  readonly context: string;
  readonly object: string;
  readonly username: string;
  readonly clientInfo: string;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** What main does for ACL commands. */
export type AclOrder =
  | { readonly do: 'set-user'; readonly name: string; readonly rules: readonly string[] }
  | { readonly do: 'delete-users'; readonly names: readonly string[] }
  | { readonly do: 'load' }
  | { readonly do: 'save' }
  | { readonly do: 'log'; readonly count: number }
  | { readonly do: 'reset-log' };

export interface AclOutcome {
  /** An error reply's text, or null. */
  readonly error: string | null;
  /** Users deleted. */
  readonly count?: number;
  /** The newest first. */
  readonly log?: readonly AclLogView[];
}

export interface AclServices {
  /** The default user has a password: AUTH with one argument makes sense. */
  isPasswordRequired(): boolean;
  /**
   * Makes the session one of the user's when the password is right; compares in constant time.
   * Otherwise the failure is logged: `command` is the name of the command as it was sent.
   */
  authenticate(session: Session, user: string, password: Uint8Array, command: string): boolean;
  hasUser(name: string): boolean;
  /** Own names of the commands in a category; null where there is none of this name. */
  commandsIn(category: string): readonly string[] | null;
  /** All users in order of their names. */
  names(): readonly string[];
  /** The same as `user NAME RULES…`. */
  list(): readonly string[];
  view(name: string): UserView | null;
  /**
   * Whether a user may run the command in `args` (its name first). `refusal` has no error code;
   * null = it may. `error` is an error reply's text: there is no such user or command.
   */
  dryRun(user: string, args: ArgView): DryRun;
  /** Has main do something; `done` is called once. */
  order(order: AclOrder, session: Session, done: (outcome: AclOutcome) => void): void;
}

export type DryRun =
  | { readonly refusal: string | null; readonly error?: never }
  | { readonly error: string; readonly refusal?: never };

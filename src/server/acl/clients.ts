/** What main's messages about users mean for one I/O thread and its clients. */
import { KIND_PATTERN } from '../../commands/subscriptions.ts';
import type { ClientLimits } from '../client-limits.ts';
import type { ConfigStore } from '../config/store.ts';
import type { Connection } from '../connection.ts';
import type { Answer, ToThread } from '../control.ts';
import type { AclGate } from './gate.ts';
import { matchesChannel } from './permission.ts';
import type { ChannelPattern } from './selector.ts';
import type { UsersChange } from './users.ts';

/** The clients of the thread, and how one is closed at once. */
export interface AclClients {
  readonly clients: readonly (Connection | undefined)[];
  abort(c: Connection): void;
  readonly permissions: { recheck(c: Connection): void };
}

/** What it needs of its thread. */
export interface AclThread {
  readonly acl: AclGate;
  readonly config: ConfigStore;
}

/** Does what main asks for; the answer goes back to it. O(clients). */
export function answerAcl(
  message: Extract<ToThread, { type: 'users' | 'denials' }>,
  thread: AclThread,
  io: AclClients,
  limits: ClientLimits,
): Answer {
  if (message.type === 'denials') return { error: null, denials: thread.acl.notes.drain() };
  applyChange(thread.acl, io, message.change, message.clientId);
  applyProtection(limits, thread);
  return { error: null };
}

/**
 * Takes a change over: clients of deleted users are closed, and those with subscriptions that their
 * user has lost. The client that asked for it (`clientId`) gets its reply before.
 */
function applyChange(gate: AclGate, io: AclClients, change: UsersChange, clientId: number): void {
  const { removed, shrunk } = gate.users.apply(change);
  for (const c of io.clients) {
    if (c === undefined || c.isClosed || c.isReplay) continue;
    const isOrphan = removed.includes(c.account);
    const rules = shrunk.get(c.account);
    if (isOrphan) c.logOut(false);
    else c.accountChanged();
    const isOut = isOrphan || (rules !== undefined && hasLost(c, rules));
    if (c.isClosing) continue;
    if (!isOut) io.permissions.recheck(c);
    else if (c.id === clientId) c.isClosing = true;
    else io.abort(c);
  }
}

/** Whether a client is subscribed to something that none of the rules allows. */
function hasLost({ subscriptions }: Connection, rules: readonly ChannelPattern[]): boolean {
  if (subscriptions === null) return false;
  return subscriptions.names.some((names, kind) =>
    [...names].some((name) => {
      const bytes = Buffer.from(name, 'latin1');
      return !matchesChannel(rules, bytes, 0, bytes.length, kind === KIND_PATTERN);
    }),
  );
}

/** Protected mode is for servers whose default user needs no password. */
export function applyProtection(limits: ClientLimits, { acl, config }: AclThread): void {
  limits.isProtected = config.bool('protected-mode') && acl.users.default.needsNoPassword;
}

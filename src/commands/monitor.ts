/** MONITOR. */
import type { CommandSpec, SessionContext } from './spec.ts';

function cmdMonitor({ canSuspend, reply, server, session }: SessionContext): void {
  if (!canSuspend) reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  // As in Redis, nothing is said to a client that monitors already.
  else if (server.monitor(session)) reply.ok();
}

export const MONITOR_COMMAND: CommandSpec = {
  name: 'monitor',
  summary: 'Shows every command that the server runs, as it runs.',
  since: '1.0.0',
  group: 'server',
  arity: 1,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: [],
  keys: [],
  syntax: '',
  place: 'session',
  run: cmdMonitor,
};

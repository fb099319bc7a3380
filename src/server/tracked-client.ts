/** TrackedClient: how a connection has its keys tracked (CLIENT TRACKING). */
import type { TrackingOptions, TrackingState } from '../commands/spec.ts';
import type { FoundClient } from './client-ids.ts';
import type { Connection } from './connection.ts';

export class TrackedClient implements TrackingState {
  isBroadcast = false;
  isOptIn = false;
  isOptOut = false;
  isNoLoop = false;
  redirect = 0;
  isRedirectBroken = false;
  isCachingGiven = false;
  readonly prefixes: Uint8Array[] = [];
  /** Where the client `redirect` was when it was given; null = no redirection. */
  target: FoundClient | null = null;

  /** Takes over everything but prefixes, which come on top of those that are there. */
  apply(options: TrackingOptions, target: FoundClient | null): void {
    this.isBroadcast = options.isBroadcast;
    this.isOptIn = options.isOptIn;
    this.isOptOut = options.isOptOut;
    this.isNoLoop = options.isNoLoop;
    this.redirect = options.redirect;
    this.target = target;
    this.isRedirectBroken = false;
  }

  /** A command of its client has been dispatched: CLIENT CACHING is about the one behind it. */
  afterCommand(c: Connection): void {
    if (!this.isCachingGiven || c.isInTransaction) return;
    if (!c.lastCommand.startsWith('client|')) this.isCachingGiven = false;
  }

  /** Whether the keys of the next command that reads are tracked. */
  get tracksReads(): boolean {
    if (this.isBroadcast) return false;
    if (this.isOptIn) return this.isCachingGiven;
    return !(this.isOptOut && this.isCachingGiven);
  }
}

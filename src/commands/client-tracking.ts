/** CLIENT TRACKING and what goes with it: client-side caching. */
import { ERROR_BYTES } from '../resp/errors.ts';
import { bytesOf, type SubcommandFacts, wordIs } from './session-reply.ts';
import type { SessionContext, TrackingOptions, TrackingState } from './spec.ts';

const CACHING_OFF =
  'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or ' +
  'OPTOUT mode enabled';
const OTHER_MODE =
  'mode before disabling tracking for this client, and then re-enabling it with a different mode.';
const OTHER_BROADCAST =
  "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then " +
  're-enabling it with a different mode.';
const MUST_NOT_OVERLAP = 'Prefixes for a single client must not overlap.';

/** Options as they are read. */
interface Given {
  isBroadcast: boolean;
  isOptIn: boolean;
  isOptOut: boolean;
  isNoLoop: boolean;
  redirect: number;
  readonly prefixes: Uint8Array[];
}

const FLAG_OF: ReadonlyMap<string, 'isBroadcast' | 'isOptIn' | 'isOptOut' | 'isNoLoop'> = new Map([
  ['BCAST', 'isBroadcast'],
  ['OPTIN', 'isOptIn'],
  ['OPTOUT', 'isOptOut'],
  ['NOLOOP', 'isNoLoop'],
]);

/** The id behind REDIRECT, or NaN after an error reply. */
function redirectId(ctx: SessionContext, at: number, before: number): number {
  const { args, reply } = ctx;
  if (before !== 0) {
    reply.error('ERR A client can only redirect to a single other client');
    return Number.NaN;
  }
  const id = args.toInt(at);
  if (Number.isNaN(id)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return Number.NaN;
  }
  if (ctx.server.hasClient(id)) return id;
  reply.error('ERR The client ID you want redirect to does not exist');
  return Number.NaN;
}

/** The options behind ON or OFF; null after an error reply. */
function readOptions(ctx: SessionContext): TrackingOptions | null {
  const { args, reply } = ctx;
  const given: Given = {
    isBroadcast: false,
    isOptIn: false,
    isOptOut: false,
    isNoLoop: false,
    redirect: 0,
    prefixes: [],
  };
  for (let at = 3; at < args.count; at++) {
    const hasValue = at + 1 < args.count;
    const flag = FLAG_OF.get(ctx.text(at).toUpperCase());
    if (flag !== undefined) given[flag] = true;
    else if (wordIs(ctx, at, 'REDIRECT') && hasValue) {
      given.redirect = redirectId(ctx, ++at, given.redirect);
      if (Number.isNaN(given.redirect)) return null;
    } else if (wordIs(ctx, at, 'PREFIX') && hasValue) given.prefixes.push(bytesOf(ctx, ++at));
    else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return null;
    }
  }
  return given;
}

/** Why options do not fit each other or what is on; null = they do. */
function conflictOf(options: TrackingOptions, now: TrackingState | null): string | null {
  const { isBroadcast, isOptIn, isOptOut, prefixes } = options;
  if (!isBroadcast && prefixes.length !== 0) {
    return 'ERR PREFIX option requires BCAST mode to be enabled';
  }
  if (now !== null && now.isBroadcast !== isBroadcast) return OTHER_BROADCAST;
  if (isBroadcast && (isOptIn || isOptOut)) {
    return 'ERR OPTIN and OPTOUT are not compatible with BCAST';
  }
  if (isOptIn && isOptOut) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if (now !== null && ((isOptIn && now.isOptOut) || (isOptOut && now.isOptIn))) {
    return `ERR You can't switch OPTIN/OPTOUT ${OTHER_MODE}`;
  }
  return overlapOf(prefixes, now?.prefixes ?? []);
}

/** Why prefixes overlap each other or those that are tracked already; null = they do not. */
function overlapOf(
  prefixes: readonly Uint8Array[],
  existing: readonly Uint8Array[],
): string | null {
  const sorted = [...existing].sort(Buffer.compare);
  for (const [i, prefix] of prefixes.entries()) {
    const tracked = sorted.find((one) => overlaps(one, prefix));
    if (tracked !== undefined) {
      const both = `Prefix '${textOf(prefix)}' overlaps with an existing prefix`;
      return `ERR ${both} '${textOf(tracked)}'. ${MUST_NOT_OVERLAP}`;
    }
    const other = prefixes.slice(i + 1).find((one) => overlaps(one, prefix));
    if (other === undefined) continue;
    const both = `Prefix '${textOf(prefix)}' overlaps with another provided prefix`;
    return `ERR ${both} '${textOf(other)}'. ${MUST_NOT_OVERLAP}`;
  }
  return null;
}

/** True when some key has both prefixes. */
function overlaps(a: Uint8Array, b: Uint8Array): boolean {
  const length = Math.min(a.length, b.length);
  return Buffer.compare(a.subarray(0, length), b.subarray(0, length)) === 0;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function cmdClientTracking(ctx: SessionContext): void {
  const { reply, session } = ctx;
  const options = readOptions(ctx);
  if (options === null) return;
  if (wordIs(ctx, 2, 'ON')) {
    const error = conflictOf(options, session.tracking) ?? session.beginTracking(options);
    if (error === null) reply.ok();
    else reply.error(error);
  } else if (wordIs(ctx, 2, 'OFF')) {
    session.endTracking();
    reply.ok();
  } else {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
  }
}

function cmdClientCaching(ctx: SessionContext): void {
  const { reply } = ctx;
  const { tracking } = ctx.session;
  if (tracking === null) {
    reply.error(CACHING_OFF);
    return;
  }
  const isYes = wordIs(ctx, 2, 'YES');
  if (!isYes && !wordIs(ctx, 2, 'NO')) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
  } else if (isYes ? tracking.isOptIn : tracking.isOptOut) {
    tracking.isCachingGiven = true;
    reply.ok();
  } else {
    const [word, mode] = isYes ? ['YES', 'OPTIN'] : ['NO', 'OPTOUT'];
    const when = `only valid when tracking is enabled in ${mode} mode.`;
    reply.error(`ERR CLIENT CACHING ${word} is ${when}`);
  }
}

function cmdClientGetredir(ctx: SessionContext): void {
  ctx.reply.integer(ctx.session.tracking?.redirect ?? -1);
}

/** The words of `flags` in CLIENT TRACKINGINFO. */
function flagWords(tracking: TrackingState | null): string[] {
  if (tracking === null) return ['off'];
  const words = ['on'];
  const { isCachingGiven } = tracking;
  if (tracking.isBroadcast) words.push('bcast');
  if (tracking.isOptIn) words.push('optin', ...(isCachingGiven ? ['caching-yes'] : []));
  if (tracking.isOptOut) words.push('optout', ...(isCachingGiven ? ['caching-no'] : []));
  if (tracking.isNoLoop) words.push('noloop');
  if (tracking.isRedirectBroken) words.push('broken_redirect');
  return words;
}

function cmdClientTrackinginfo(ctx: SessionContext): void {
  const { reply } = ctx;
  const { tracking } = ctx.session;
  reply.map(3);
  reply.bulkLatin1('flags');
  const words = flagWords(tracking);
  reply.set(words.length);
  for (const word of words) reply.bulkLatin1(word);
  reply.bulkLatin1('redirect');
  reply.integer(tracking?.redirect ?? -1);
  reply.bulkLatin1('prefixes');
  const prefixes = [...(tracking?.prefixes ?? [])].sort(Buffer.compare);
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulk(prefix, 0, prefix.length);
}

const PLAIN = ['noscript', 'loading', 'stale'] as const;

/** Sub-commands of CLIENT. */
export const TRACKING_COMMANDS: readonly SubcommandFacts[] = [
  {
    name: 'getredir',
    summary: 'Returns the id of the connection that gets the invalidation messages of this one.',
    since: '6.0.0',
    arity: 2,
    flags: PLAIN,
    run: cmdClientGetredir,
  },
  {
    name: 'tracking',
    summary: 'Switches the tracking of keys for client-side caching.',
    since: '6.0.0',
    arity: -3,
    flags: PLAIN,
    syntax:
      '<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] ' +
      '[OPTOUT] [NOLOOP]',
    run: cmdClientTracking,
  },
  {
    name: 'caching',
    summary: 'Says whether the keys of the next command are tracked.',
    since: '6.0.0',
    arity: 3,
    flags: PLAIN,
    syntax: '<YES | NO>',
    run: cmdClientCaching,
  },
  {
    name: 'trackinginfo',
    summary: 'Shows how this connection tracks keys.',
    since: '6.2.0',
    arity: 2,
    flags: PLAIN,
    run: cmdClientTrackinginfo,
  },
];

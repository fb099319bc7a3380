/** One line of CLIENT LIST: the fields of Redis 8, in its order. */

/** What a line shows about a connection; sizes in bytes. */
export interface ClientFields {
  readonly id: number;
  /** `ip:port`, or `path:0` for a Unix socket. */
  readonly addr: string;
  readonly laddr: string;
  /** -1 where the transport has none. */
  readonly fd: number;
  readonly name: string;
  readonly ageSeconds: number;
  readonly idleSeconds: number;
  readonly flags: ClientFlags;
  readonly db: number;
  readonly channels: number;
  readonly patterns: number;
  readonly shardChannels: number;
  /** Commands queued by MULTI; -1 outside a transaction. */
  readonly queued: number;
  readonly watchedKeys: number;
  readonly queryBufferBytes: number;
  readonly queryBufferFreeBytes: number;
  readonly argumentBytes: number;
  readonly queuedBytes: number;
  readonly replyBufferBytes: number;
  readonly replyBufferPeakBytes: number;
  /** Bytes in the reply buffer now. */
  readonly replyBytes: number;
  /** Replies waiting beyond the buffer: their number and memory. */
  readonly replyListLength: number;
  readonly replyListBytes: number;
  readonly totalBytes: number;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  /** Full name of the last command (`client|list`), or null. */
  readonly command: string | null;
  readonly user: string;
  /** Client id that gets the invalidations; 0 for the client itself, -1 without tracking. */
  readonly redirect: number;
  readonly protocol: number;
  readonly libName: string;
  readonly libVersion: string;
  readonly ioThread: number;
  /** Since the connection was opened. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly commandsRun: number;
}

/** The states that have a letter in `flags`. */
export interface ClientFlags {
  readonly isMonitor?: boolean;
  readonly isReplica?: boolean;
  readonly isMaster?: boolean;
  readonly isSubscriber?: boolean;
  readonly isInTransaction?: boolean;
  readonly isBlocked?: boolean;
  readonly isTracking?: boolean;
  readonly isRedirectBroken?: boolean;
  readonly isTrackingBroadcast?: boolean;
  /** A watched key was changed: EXEC will fail. */
  readonly isWatchBroken?: boolean;
  readonly isClosingAfterReply?: boolean;
  readonly isUnblocked?: boolean;
  readonly isClosingNow?: boolean;
  readonly isUnixSocket?: boolean;
  readonly isClusterReadOnly?: boolean;
  readonly isNoEvict?: boolean;
  readonly isNoTouch?: boolean;
}

const FLAG_LETTERS: readonly (readonly [keyof ClientFlags, string])[] = [
  ['isMaster', 'M'],
  ['isSubscriber', 'P'],
  ['isInTransaction', 'x'],
  ['isBlocked', 'b'],
  ['isTracking', 't'],
  ['isRedirectBroken', 'R'],
  ['isTrackingBroadcast', 'B'],
  ['isWatchBroken', 'd'],
  ['isClosingAfterReply', 'c'],
  ['isUnblocked', 'u'],
  ['isClosingNow', 'A'],
  ['isUnixSocket', 'U'],
  ['isClusterReadOnly', 'r'],
  ['isNoEvict', 'e'],
  ['isNoTouch', 'T'],
];

/** `N` for a client without any special state. */
export function clientFlagLetters(flags: ClientFlags): string {
  let letters = flags.isMonitor === true ? 'O' : flags.isReplica === true ? 'S' : '';
  for (const [flag, letter] of FLAG_LETTERS) {
    if (flags[flag] === true) letters += letter;
  }
  return letters === '' ? 'N' : letters;
}

/** The line without its line end. */
export function clientInfoLine(fields: ClientFields): string {
  const pairs: readonly (readonly [string, string | number])[] = [
    ['id', fields.id],
    ['addr', fields.addr],
    ['laddr', fields.laddr],
    ['fd', fields.fd],
    ['name', fields.name],
    ['age', fields.ageSeconds],
    ['idle', fields.idleSeconds],
    ['flags', clientFlagLetters(fields.flags)],
    ['db', fields.db],
    ['sub', fields.channels],
    ['psub', fields.patterns],
    ['ssub', fields.shardChannels],
    ['multi', fields.queued],
    ['watch', fields.watchedKeys],
    ['qbuf', fields.queryBufferBytes],
    ['qbuf-free', fields.queryBufferFreeBytes],
    ['argv-mem', fields.argumentBytes],
    ['multi-mem', fields.queuedBytes],
    ['rbs', fields.replyBufferBytes],
    ['rbp', fields.replyBufferPeakBytes],
    ['obl', fields.replyBytes],
    ['oll', fields.replyListLength],
    ['omem', fields.replyListBytes],
    ['tot-mem', fields.totalBytes],
    ['events', (fields.isReadable ? 'r' : '') + (fields.isWritable ? 'w' : '')],
    ['cmd', fields.command ?? 'NULL'],
    ['user', fields.user],
    ['redir', fields.redirect],
    ['resp', fields.protocol],
    ['lib-name', fields.libName],
    ['lib-ver', fields.libVersion],
    ['io-thread', fields.ioThread],
    ['tot-net-in', fields.bytesReceived],
    ['tot-net-out', fields.bytesSent],
    ['tot-cmds', fields.commandsRun],
  ];
  return pairs.map(([name, value]) => `${name}=${value}`).join(' ');
}

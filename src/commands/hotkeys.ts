/** HOTKEYS: which keys the server spends its time and its network on, counted in sessions. */
import { type HotKey, type HotKeyOptions, METRIC_CPU, METRIC_NET } from './insight-services.ts';
import { container, wordIs } from './session-reply.ts';
import type { SessionCommandSpec, SessionContext } from './spec.ts';

const METRICS_MAX = 2;
const COUNT_DEFAULT = 10;
const COUNT_MAX = 64;
const DURATION_SECONDS_MAX = 1_000_000;
const RATIO_MAX = 0x7fffffff;
const SLOT_LAST = 16_383;

function cmdHotkeysStart(ctx: SessionContext): void {
  const { reply, server } = ctx;
  if (server.insight.hotKeys()?.isActive === true) {
    reply.error('ERR hotkey tracking session already in progress');
    return;
  }
  const options = startOptions(ctx);
  if (typeof options === 'string') reply.error(options);
  else if (server.insight.hotKeysStart(options)) reply.ok();
  else reply.error('ERR hotkey tracking session already in progress');
}

type Writable<T> = { -readonly [P in keyof T]: T[P] };

/** What HOTKEYS START asks for, or an error text. */
function startOptions(ctx: SessionContext): HotKeyOptions | string {
  const { args } = ctx;
  if (args.count < 4 || !wordIs(ctx, 2, 'METRICS')) return 'ERR METRICS parameter is required';
  const count = args.toInt(3);
  if (!(count >= 1 && count <= METRICS_MAX)) {
    return `ERR METRICS count must be > 0 and <= ${METRICS_MAX}`;
  }
  let metrics = 0;
  let at = 4;
  // Names that are not known yet are left out, as Redis does for those of later versions.
  for (let n = 0; n < count; n++, at++) {
    if (at >= args.count) return 'ERR METRICS count does not match number of metric types provided';
    const isCpu = wordIs(ctx, at, 'CPU');
    if (!isCpu && !wordIs(ctx, at, 'NET')) continue;
    const metric = isCpu ? METRIC_CPU : METRIC_NET;
    if ((metrics & metric) !== 0) {
      return `ERR METRICS ${isCpu ? 'CPU' : 'NET'} defined more than once!`;
    }
    metrics |= metric;
  }
  if (metrics === 0) return 'ERR METRICS no valid metrics passed. Supported: CPU|NET';
  const options = { metrics, count: COUNT_DEFAULT, durationMs: 0, ratio: 1 };
  for (; at < args.count; at += 2) {
    const error = startOption(ctx, at, options);
    if (error !== null) return error;
  }
  return options;
}

/** Reads the option at `at` with its value; an error text, or null. */
function startOption(
  ctx: SessionContext,
  at: number,
  options: Writable<HotKeyOptions>,
): string | null {
  if (at + 1 >= ctx.args.count) return 'ERR syntax error';
  const value = ctx.args.toInt(at + 1);
  if (wordIs(ctx, at, 'COUNT')) {
    if (!(value >= 1 && value <= COUNT_MAX)) {
      return `ERR COUNT must be between 1 and ${COUNT_MAX}`;
    }
    options.count = value;
  } else if (wordIs(ctx, at, 'DURATION')) {
    if (!(value >= 1 && value <= DURATION_SECONDS_MAX)) {
      return `ERR DURATION must be between 1 and ${DURATION_SECONDS_MAX}`;
    }
    options.durationMs = value * 1000;
  } else if (wordIs(ctx, at, 'SAMPLE')) {
    if (!(value >= 1 && value <= RATIO_MAX)) return 'ERR SAMPLE ratio must be positive';
    options.ratio = value;
  } else if (wordIs(ctx, at, 'SLOTS')) {
    return 'ERR SLOTS parameter cannot be used in non-cluster mode';
  } else {
    return 'ERR syntax error';
  }
  return null;
}

function cmdHotkeysStop(ctx: SessionContext): void {
  if (ctx.server.insight.hotKeysStop()) ctx.reply.ok();
  else ctx.reply.null();
}

function cmdHotkeysReset(ctx: SessionContext): void {
  if (ctx.server.insight.hotKeysReset()) ctx.reply.ok();
  else ctx.reply.error('ERR hotkey tracking session in progress, stop tracking first');
}

/** An array of one map, as Redis makes it for the union over the nodes of a cluster. */
function cmdHotkeysGet(ctx: SessionContext): void {
  const { reply } = ctx;
  const report = ctx.server.insight.hotKeys();
  if (report === null) {
    reply.null();
    return;
  }
  const hasCpu = (report.metrics & METRIC_CPU) !== 0;
  const hasNet = (report.metrics & METRIC_NET) !== 0;
  const integer = (name: string, value: number): void => {
    reply.bulkLatin1(name);
    reply.integer(value);
  };
  reply.array(1);
  reply.map(7 + (hasCpu ? 3 : 0) + (hasNet ? 2 : 0));
  integer('tracking-active', report.isActive ? 1 : 0);
  integer('sample-ratio', report.ratio);
  reply.bulkLatin1('selected-slots');
  reply.array(1);
  reply.array(2);
  reply.integer(0);
  reply.integer(SLOT_LAST);
  integer('all-commands-all-slots-us', report.allMicros);
  integer('net-bytes-all-commands-all-slots', report.allBytes);
  integer('collection-start-time-unix-ms', report.startMs);
  integer('collection-duration-ms', report.tookMs);
  if (hasCpu) {
    integer('total-cpu-time-user-ms', report.userMs);
    integer('total-cpu-time-sys-ms', report.systemMs);
  }
  if (hasNet) integer('total-net-bytes', report.netBytes);
  if (hasCpu) replyKeys(ctx, 'by-cpu-time-us', report.byMicros);
  if (hasNet) replyKeys(ctx, 'by-net-bytes', report.byBytes);
}

function replyKeys({ reply }: SessionContext, name: string, keys: readonly HotKey[]): void {
  reply.bulkLatin1(name);
  reply.array(keys.length * 2);
  for (const [key, sum] of keys) {
    reply.bulk(key, 0, key.length);
    reply.integer(sum);
  }
}

const FLAGS = ['admin', 'noscript'] as const;

export const HOTKEYS_COMMAND: SessionCommandSpec = container(
  {
    name: 'hotkeys',
    summary: 'Contains the commands about hot keys.',
    since: '8.6.0',
    group: 'server',
    acl: [],
    helpSince: '8.6.1',
    help: [
      'GET',
      '    Shows the hot keys of the session that runs, or of the last one.',
      'RESET',
      '    Forgets them.',
      'START METRICS <count> [CPU] [NET] [COUNT <k>] [DURATION <seconds>] [SAMPLE <ratio>]',
      '    Begins to count the time (CPU) and the bytes (NET) of commands by their keys,',
      '    for the k keys with the most (default: 10), until STOP or the duration is over,',
      '    in one of so many commands (default: all).',
      'STOP',
      '    Ends the session; what was counted stays until RESET or START.',
    ],
  },
  [
    {
      name: 'get',
      summary: 'Returns the hot keys of the session.',
      since: '8.6.0',
      arity: 2,
      flags: FLAGS,
      run: cmdHotkeysGet,
    },
    {
      name: 'reset',
      summary: 'Forgets the hot keys.',
      since: '8.6.0',
      arity: 2,
      flags: FLAGS,
      run: cmdHotkeysReset,
    },
    {
      name: 'start',
      summary: 'Begins a session of counting hot keys.',
      since: '8.6.0',
      arity: -2,
      flags: FLAGS,
      syntax:
        'METRICS <count:integer [CPU] [NET]> [COUNT k:integer] [DURATION seconds:integer] ' +
        '[SAMPLE ratio:integer] [SLOTS count:integer slot:integer [slot:integer ...]]',
      run: cmdHotkeysStart,
    },
    {
      name: 'stop',
      summary: 'Ends the session of counting hot keys.',
      since: '8.6.0',
      arity: 2,
      flags: FLAGS,
      run: cmdHotkeysStop,
    },
  ],
);

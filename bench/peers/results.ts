/** What a measurement is, and how it is judged against its target. */

export type Unit =
  | 'req/s'
  | 'msg/s'
  | 'MB/s'
  | 'µs/cmd'
  | 'bytes/key'
  | 'ms'
  | '%'
  | '% of a core'
  | 'times'
  | 'MiB'
  | 'connections';

/**
 * `ratio-min`, `ratio-max`: Tessera divided by Redis is at least, at most `bound`. `max`, `min`:
 * Tessera's own value, in the metric's unit.
 */
export interface Target {
  readonly kind: 'ratio-min' | 'ratio-max' | 'max' | 'min';
  readonly bound: number;
}

/** Samples of both servers, round by round, in `unit`. Without a target it informs only. */
export interface Metric {
  readonly id: string;
  readonly what: string;
  readonly unit: Unit;
  readonly redis: readonly number[];
  readonly tessera: readonly number[];
  readonly target: Target | null;
}

export interface Judged extends Metric {
  readonly redisMedian: number;
  readonly tesseraMedian: number;
  /** Tessera divided by Redis. */
  readonly ratio: number;
  /** Null where there is no target. */
  readonly isPass: boolean | null;
}

/** The middle value, or what is between the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted.length >> 1;
  return (sorted[(sorted.length - 1) >> 1]! + sorted[upper]!) / 2;
}

function meets(target: Target, value: number, ratio: number): boolean {
  if (target.kind === 'ratio-min') return ratio >= target.bound;
  if (target.kind === 'ratio-max') return ratio <= target.bound;
  return target.kind === 'max' ? value <= target.bound : value >= target.bound;
}

export function judge(metric: Metric): Judged {
  const redisMedian = median(metric.redis);
  const tesseraMedian = median(metric.tessera);
  const ratio = tesseraMedian / redisMedian;
  const isPass = metric.target === null ? null : meets(metric.target, tesseraMedian, ratio);
  return { ...metric, redisMedian, tesseraMedian, ratio, isPass };
}

/** Three significant digits, thousands separated. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

export function formatTarget(target: Target | null, unit: Unit): string {
  if (target === null) return '';
  if (target.kind === 'ratio-min') return `≥ ${target.bound} × Redis`;
  if (target.kind === 'ratio-max') return `≤ ${target.bound} × Redis`;
  return `${target.kind === 'max' ? '≤' : '≥'} ${formatNumber(target.bound)} ${unit}`;
}

/** The results as a Markdown table that a terminal shows well too. */
import { formatNumber, formatTarget, type Judged } from './results.ts';

const HEADINGS = ['what', 'Redis', 'Tessera', 'ratio', 'target', ''];

function verdict(isPass: boolean | null): string {
  if (isPass === null) return '';
  return isPass ? 'pass' : 'MISS';
}

function cellsOf(metric: Judged): string[] {
  return [
    metric.what,
    `${formatNumber(metric.redisMedian)} ${metric.unit}`,
    `${formatNumber(metric.tesseraMedian)} ${metric.unit}`,
    Number.isFinite(metric.ratio) ? metric.ratio.toFixed(2) : '-',
    formatTarget(metric.target, metric.unit),
    verdict(metric.isPass),
  ];
}

export function renderTable(metrics: readonly Judged[]): string {
  const rows = [HEADINGS, ...metrics.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}

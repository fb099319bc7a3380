/**
 * The results as an SVG chart of two panels. Above: throughput and speed as a multiple of Redis,
 * more is better. Below: every row with a limit as a share of that limit, less is better, Redis in
 * grey beside it. A dark tick marks each row's target.
 */
import { type Machine, machineLine } from './machine.ts';
import { formatNumber, type Judged } from './results.ts';

const WIDTH = 980;
const LABEL_WIDTH = 390;
const VALUE_WIDTH = 190;
const BAR_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const ROW_HEIGHT = 26;
const PANEL_HEAD = 58;
const PASS = '#2a7f62';
const MISS = '#c4472f';
const INFORM = '#5b7db1';
const REDIS = '#b9bec5';
const INK = '#1c2430';
const FAINT = '#6a7382';

interface Bar {
  readonly label: string;
  readonly value: string;
  /** Length on the panel's axis. */
  readonly length: number;
  /** Redis's own bar, or null. */
  readonly redisLength: number | null;
  readonly target: number | null;
  readonly isPass: boolean | null;
}

interface Panel {
  readonly title: string;
  readonly note: string;
  /** Right end of the axis; longer bars are cut there, with their value still beside them. */
  readonly axisEnd: number;
  readonly marks: readonly number[];
  readonly bars: readonly Bar[];
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function textAt(x: number, y: number, text: string, style: string): string {
  return `<text x="${x}" y="${y}" ${style}>${escapeXml(text)}</text>`;
}

function colorOf(isPass: boolean | null): string {
  if (isPass === null) return INFORM;
  return isPass ? PASS : MISS;
}

function throughputPanel(metrics: readonly Judged[]): Panel {
  const isSpeed = ({ unit }: Judged): boolean => unit === 'req/s' || unit === 'MB/s';
  const rows = metrics.filter((metric) => isSpeed(metric) && Number.isFinite(metric.ratio));
  const bars = rows.map((metric): Bar => {
    const { ratio, tesseraMedian, target, isPass, what, unit } = metric;
    const speed = `${formatNumber(tesseraMedian)}${unit === 'req/s' ? '/s' : ` ${unit}`}`;
    const value = `${ratio.toFixed(2)} ×  (${speed})`;
    const bound = target?.kind === 'ratio-min' ? target.bound : null;
    return { label: what, value, length: ratio, redisLength: null, target: bound, isPass };
  });
  const longest = Math.max(1.5, ...bars.map((bar) => bar.length));
  const axisEnd = Math.ceil(longest * 2) / 2;
  const marks = Array.from({ length: Math.floor(axisEnd * 2) + 1 }, (_, index) => index / 2);
  const note = 'Tessera’s requests or megabytes per second divided by Redis’s; more is better';
  return { title: 'Throughput', note, axisEnd, marks, bars };
}

function limitPanel(metrics: readonly Judged[]): Panel {
  const rows = metrics.filter((metric) => metric.target?.kind === 'max');
  const bars = rows.map((metric): Bar => {
    const { redisMedian, tesseraMedian, target, isPass, what, unit } = metric;
    const { bound } = target!;
    const numbers = `${formatNumber(tesseraMedian)} ${unit}, Redis ${formatNumber(redisMedian)}`;
    return {
      label: what,
      value: numbers,
      length: tesseraMedian / bound,
      redisLength: redisMedian / bound,
      target: 1,
      isPass,
    };
  });
  const note = 'share of the allowed limit (1.0); less is better; grey is Redis';
  return {
    title: 'Memory, latency, idle cost',
    note,
    axisEnd: 2,
    marks: [0, 0.5, 1, 1.5, 2],
    bars,
  };
}

function drawBar(bar: Bar, axisEnd: number, y: number): string {
  const scale = (value: number): number => (Math.min(axisEnd, value) / axisEnd) * BAR_WIDTH;
  const rect = (length: number, top: number, height: number, fill: string): string => {
    const width = scale(length).toFixed(1);
    const place = `x="${LABEL_WIDTH}" y="${top}" width="${width}" height="${height}"`;
    return `<rect ${place} rx="2" fill="${fill}"/>`;
  };
  const parts = [textAt(LABEL_WIDTH - 10, y + 16, bar.label, 'text-anchor="end" font-size="12"')];
  if (bar.redisLength === null) {
    parts.push(rect(bar.length, y + 4, 16, colorOf(bar.isPass)));
  } else {
    parts.push(rect(bar.length, y + 3, 11, colorOf(bar.isPass)));
    parts.push(rect(bar.redisLength, y + 15, 6, REDIS));
  }
  if (bar.target !== null) {
    const x = (LABEL_WIDTH + scale(bar.target)).toFixed(1);
    parts.push(
      `<line x1="${x}" x2="${x}" y1="${y}" y2="${y + 24}" stroke="${INK}" stroke-width="2.5"/>`,
    );
  }
  parts.push(textAt(LABEL_WIDTH + BAR_WIDTH + 10, y + 16, bar.value, 'font-size="12"'));
  return parts.join('\n');
}

function drawPanel(panel: Panel, top: number): string {
  const bottom = top + PANEL_HEAD + panel.bars.length * ROW_HEIGHT;
  const parts = [
    textAt(20, top + 20, panel.title, 'font-size="16" font-weight="600"'),
    textAt(20, top + 38, panel.note, `font-size="12" fill="${FAINT}"`),
  ];
  for (const mark of panel.marks) {
    const x = (LABEL_WIDTH + (mark / panel.axisEnd) * BAR_WIDTH).toFixed(1);
    const stroke = mark === 1 ? FAINT : '#e3e6ea';
    parts.push(
      `<line x1="${x}" x2="${x}" y1="${top + PANEL_HEAD - 4}" y2="${bottom}" stroke="${stroke}"/>`,
    );
    const style = `text-anchor="middle" font-size="11" fill="${FAINT}"`;
    parts.push(textAt(Number(x), top + PANEL_HEAD - 8, mark.toFixed(1), style));
  }
  panel.bars.forEach((bar, index) => {
    parts.push(drawBar(bar, panel.axisEnd, top + PANEL_HEAD + index * ROW_HEIGHT));
  });
  return parts.join('\n');
}

/** A self-contained SVG document. */
export function renderChart(metrics: readonly Judged[], machine: Machine): string {
  const panels = [throughputPanel(metrics), limitPanel(metrics)].filter(
    (panel) => panel.bars.length > 0,
  );
  let top = 16;
  const parts: string[] = [];
  for (const panel of panels) {
    parts.push(drawPanel(panel, top));
    top += PANEL_HEAD + panel.bars.length * ROW_HEIGHT + 24;
  }
  const legend = 'dark tick: target · green: met · red: missed · blue: no target';
  parts.push(textAt(20, top + 4, legend, `font-size="12" fill="${FAINT}"`));
  parts.push(textAt(20, top + 22, machineLine(machine), `font-size="11" fill="${FAINT}"`));
  const height = top + 36;
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  const style = `font-family="system-ui, sans-serif" fill="${INK}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>
<title>Tessera beside redis-server: throughput, memory, latency</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

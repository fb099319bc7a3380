/** A small chart of lines of text. */

const ROWS = 4;
/** Fill of a cell, from nothing to full. */
const FILLS = [' ', '_', 'o', '#'];
export const SPARKLINE_WIDTH = 80;

/** A column of the chart: its value, and what stands under it, one character below the other. */
export interface SparkColumn {
  readonly value: number;
  readonly label: string;
}

/**
 * The chart of the columns, the least value at the bottom, the largest at the top, with the labels
 * under them; wider ones go on below. Lines end with LF. O(columns).
 */
export function sparkline(
  columns: readonly SparkColumn[],
  width: number = SPARKLINE_WIDTH,
): string {
  let text = '';
  for (let from = 0; from < columns.length; from += width) {
    text += chart(columns.slice(from, from + width), columns);
  }
  return text;
}

function chart(part: readonly SparkColumn[], all: readonly SparkColumn[]): string {
  const values = all.map(({ value }) => value);
  const least = Math.min(...values);
  const span = Math.max(...values) - least;
  const steps = ROWS * (FILLS.length - 1);
  // A chart of one height is half full.
  const heights = part.map(({ value }) =>
    span === 0 ? steps / 2 : Math.max(1, Math.round(((value - least) / span) * steps)),
  );
  const lines: string[] = [];
  for (let row = ROWS - 1; row >= 0; row--) {
    const base = row * (FILLS.length - 1);
    const cells = heights.map(
      (height) => FILLS[Math.max(0, Math.min(FILLS.length - 1, Math.floor(height - base)))]!,
    );
    lines.push(cells.join('').trimEnd());
  }
  lines.push('');
  const depth = Math.max(...part.map(({ label }) => label.length));
  for (let at = 0; at < depth; at++) {
    lines.push(
      part
        .map(({ label }) => label[at] ?? ' ')
        .join('')
        .trimEnd(),
    );
  }
  return `${lines.join('\n')}\n`;
}

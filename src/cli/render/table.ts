import { type Paint, printable, type Style } from './style.js';

export interface Column<T> {
  title: string;
  text: (row: T) => string;
  paint?: (row: T) => Paint;
  align?: 'right';
  /** The end of the text is what stays if it is shortened. */
  isPath?: boolean;
}

/** A column by its title, and the cells that it is shortened to; 0: it is left out. */
export type Step = readonly [title: string, cells: number];

const GAP = 2;

/** The columns, fitted into `width` cells: these steps are taken in turn until they fit, or none is left. */
export function fitting<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  width: number,
  steps: readonly Step[],
): Column<T>[] {
  const fitted = columns.map((column) => ({ column, cells: widthOf(column, rows) }));
  let excess = fitted.reduce((sum, { cells }) => sum + cells + GAP, -GAP) - width;
  for (const [title, least] of steps) {
    if (excess <= 0) break;
    const at = fitted.findIndex(({ column }) => column.title === title);
    const entry = fitted[at];
    if (entry === undefined) continue;
    if (least === 0) {
      fitted.splice(at, 1);
      excess -= entry.cells + GAP;
      continue;
    }
    const cells = Math.min(entry.cells, Math.max(least, title.length, entry.cells - excess));
    const { text, isPath } = entry.column;
    const cut = isPath === true ? shortenedFront : shortened;
    fitted[at] = { column: { ...entry.column, text: (row) => cut(printable(text(row)), cells) }, cells };
    excess -= entry.cells - cells;
  }
  return fitted.map(({ column }) => column);
}

function widthOf<T>({ title, text }: Column<T>, rows: readonly T[]): number {
  return rows.reduce((most, row) => Math.max(most, displayWidth(printable(text(row)))), displayWidth(title));
}

/** At most `cells` cells of a text, the last an ellipsis if it has more. */
export function shortened(text: string, cells: number): string {
  if (displayWidth(text) <= cells) return text;
  let beginning = '';
  let left = cells - 1;
  for (const { segment } of graphemes.segment(text)) {
    left -= displayWidth(segment);
    if (left < 0) break;
    beginning += segment;
  }
  return `${beginning}…`;
}

/** As `shortened`, but the end is what stays: that of a path tells most. */
export function shortenedFront(text: string, cells: number): string {
  const turned = (given: string): string =>
    [...graphemes.segment(given)]
      .map(({ segment }) => segment)
      .toReversed()
      .join('');
  return displayWidth(text) <= cells ? text : turned(shortened(turned(text), cells));
}

/** Wraps words into lines of `cells` cells; a longer word is left as it is, and so is a command in backticks, to be copied. */
export function wrapped(text: string, cells: number): string[] {
  const lines: string[] = [];
  for (const word of text.match(/(?:`[^`]*`|[^ `]|`)+|(?<= )(?= )/g) ?? ['']) {
    const line = lines.at(-1);
    if (line !== undefined && displayWidth(line) + 1 + displayWidth(word) <= cells)
      lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Columns as wide as their widest cell, two spaces between them, nothing after the last. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], style: Style): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map((column) => widthOf(column, rows));
  const line = (texts: readonly string[], paintOf: (at: number) => Paint) =>
    texts
      .map((text, at) => {
        const space = ' '.repeat((widths[at] ?? 0) - displayWidth(text));
        const painted = paintOf(at)(text);
        if (columns[at]?.align === 'right') return space + painted;
        return at === texts.length - 1 ? painted : painted + space;
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  const lines = rows.map((row, n) => line(cells[n] ?? [], (at) => columns[at]?.paint?.(row) ?? ((text) => text)));
  return [line(titles, () => style.bold), ...lines].map((text) => `${text}\n`).join('');
}

const graphemes = new Intl.Segmenter();
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}])/u;

/** Terminal cells that a text takes. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7E]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

import { type Paint, printable, type Style } from './style.js';

export interface Column<T> {
  title: string;
  text: (row: T) => string;
  paint?: (row: T) => Paint;
  align?: 'right';
}

/** Columns as wide as their widest cell, two spaces between them, nothing after the last. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], style: Style): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map((column, at) =>
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[at] ?? ''))),
  );
  const line = (texts: readonly string[], paintOf: (at: number) => Paint) =>
    texts
      .map((text, at) => {
        const space = ' '.repeat((widths[at] ?? 0) - displayWidth(text));
        const painted = paintOf(at)(text);
        if (columns[at]?.align === 'right') return space + painted;
        return at === texts.length - 1 ? painted : painted + space;
      })
      .join('  ')
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

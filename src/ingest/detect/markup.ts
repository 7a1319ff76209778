/** Names of elements that an HTML file begins with, a whole one or a piece. */
const HTML = /^<(?:!doctype\s+html|html|head|body|table|title|meta|script|div|p)\b/i;

/** What kind of markup a text begins with: words for the user; null: none. `line`: its first line. */
export function markupType(line: string): string | null {
  if (HTML.test(line)) return 'HTML, such as an error page or a login page (download the file itself)';
  return /^<\?xml\b/i.test(line) ? 'XML (export it as CSV, JSON or Parquet)' : null;
}

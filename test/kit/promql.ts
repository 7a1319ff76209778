import { readDocument, tableRows } from './markdown.js';

/** What each of our metrics begins with, and those of Node.js that come with them. */
const METRIC = /\b(?:batch|ingest|csv|nodejs|process)_\w+/g;

/** The metrics that an expression of PromQL reads, without what it compares their labels with. */
export function metricsOf(expression: string): string[] {
  return expression.replaceAll(/\{[^}]*\}|"[^"]*"/g, '').match(METRIC) ?? [];
}

/** Those of docs/reference/metrics.md, by the names that Prometheus stores: a histogram has three. */
export function documentedMetrics(): Set<string> {
  const rows = tableRows(readDocument('docs/reference/metrics.md'), 'metric');
  return new Set(
    rows.flatMap(([cell = '', type]) => {
      const name = cell.replaceAll('`', '');
      return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
    }),
  );
}

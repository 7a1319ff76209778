import type { Diagnosis, FindingStatus } from './finding.js';

/** A mark and a word, so that neither colours nor symbols are needed to read it. */
const MARKS: Readonly<Record<FindingStatus, string>> = {
  ok: '✓ ok     ',
  unknown: '? unknown',
  warning: '! warning',
  error: '✗ error  ',
};
/** As those of the command line: 2 if there is nothing worse than warnings. */
const EXIT_CODES: Readonly<Record<Diagnosis['status'], number>> = { ok: 0, error: 1, warning: 2 };

/** For people: a line for each finding, one below it with what to do. */
export function diagnosisText({ findings }: Diagnosis): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings
    .map(({ check, status, message, fix }) => {
      const line = `${MARKS[status]}  ${check.padEnd(width)}  ${message}\n`;
      return fix === null ? line : `${line}${' '.repeat(11)}fix: ${fix}\n`;
    })
    .join('');
}

export function exitCodeOf({ status }: Diagnosis): number {
  return EXIT_CODES[status];
}

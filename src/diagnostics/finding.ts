/** `unknown`: it could not be found out, so nobody knows whether all is well. */
export type FindingStatus = 'ok' | 'unknown' | 'warning' | 'error';

/** What a check has found. No text of it holds a secret. */
export interface Finding {
  /** The check, in snake_case. */
  check: string;
  status: FindingStatus;
  message: string;
  /** What to do: a command or a setting; null: nothing. */
  fix: string | null;
}

export interface Diagnosis {
  /** The worst of the findings: `error`, else `warning` for what is not known, too. */
  status: 'ok' | 'warning' | 'error';
  findings: Finding[];
}

/** Some questions about one part. It may throw: then the part is unknown. */
export interface Check {
  /** Names the finding if it throws or takes too long. */
  readonly name: string;
  run(): Promise<Finding[]>;
}

export function ok(check: string, message: string): Finding {
  return { check, status: 'ok', message, fix: null };
}

export function unknown(check: string, message: string, fix: string | null = null): Finding {
  return { check, status: 'unknown', message, fix };
}

export function warning(check: string, message: string, fix: string): Finding {
  return { check, status: 'warning', message, fix };
}

export function problem(check: string, message: string, fix: string): Finding {
  return { check, status: 'error', message, fix };
}

export function toDiagnosis(findings: Finding[]): Diagnosis {
  const has = (...wanted: FindingStatus[]): boolean => findings.some(({ status }) => wanted.includes(status));
  return { status: has('error') ? 'error' : has('warning', 'unknown') ? 'warning' : 'ok', findings };
}

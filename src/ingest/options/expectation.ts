import { invalidOption } from './invalid-option.js';
import { parseObject } from './json-object.js';

/** Control totals: what the sender says about a file (openapi: Expectation). What is not said is not checked. */
export interface Expectation {
  /** Accepted and rejected rows, without the header. */
  rows?: number;
  /** Size of the file as it is sent or lies. */
  bytes?: number;
  /** SHA-256 of the file as it is sent or lies, in hex. */
  sha256?: string;
}

/** `{"rows":2,"bytes":14,"sha256":"…"}`. Throws INVALID_OPTION. */
export function parseExpectation(text: string, name: string): Expectation {
  const { rows, bytes, sha256, ...others } = parseObject(name, text);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalidOption(name, `there is no ${unknown}; there are rows, bytes, sha256`);
  for (const [member, value] of Object.entries({ rows, bytes })) {
    if (value !== undefined && !isCount(value)) throw invalidOption(name, `${member} must be a whole number from 0 on`);
  }
  if (sha256 !== undefined && !(typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256))) {
    throw invalidOption(name, 'sha256 must have 64 hexadecimal digits');
  }
  return {
    ...(rows === undefined ? {} : { rows: rows as number }),
    ...(bytes === undefined ? {} : { bytes: bytes as number }),
    ...(sha256 === undefined ? {} : { sha256: (sha256 as string).toLowerCase() }),
  };
}

/** What is other than expected, in words; null: nothing. What is not known yet is not compared. */
export function unexpected(expect: Expectation, found: Readonly<Expectation>): string | null {
  const differences = (
    [
      ['rows', (count: number) => counted(count, 'row')],
      ['bytes', (count: number) => counted(count, 'byte')],
      ['sha256', (hash: string) => `the SHA-256 ${hash}`],
    ] as const
  ).flatMap(([member, said]) => {
    const [wanted, is] = [expect[member], found[member]];
    if (wanted === undefined || is === undefined || wanted === is) return [];
    return `${said(is as never)} instead of ${wanted}`;
  });
  return differences.length === 0 ? null : `the file has ${differences.join(' and ')}`;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

import { likelyEncoding, textHead } from '../../../../src/decoding/index.js';
import { sniffDialect } from '../../../../src/formats/index.js';
import { DIALECT_CASES, readCase, SCORED, scoreDialects, sniffBytes } from '../../../kit/dialect-score.js';

const SNIFFER = { decoding: { likelyEncoding, textHead }, formats: { sniffDialect } };

/** Files that the sniffer gets wrong, known by name: none may join them. */
const WRONG: readonly string[] = [];

describe('the sniffer on test/fixtures/dialects', () => {
  const { cases, right, wrong } = scoreDialects((each) => sniffBytes(SNIFFER, readCase(each), true));

  it('gets no file wrong that it got right before', () => {
    expect(wrong.filter((line) => !WRONG.some((file) => line.startsWith(`${file}:`)))).toEqual([]);
    expect(right.all).toBe(cases - WRONG.length);
  });

  it.each(SCORED)('gets the %s right in at least 98 of 100 files', (name) => {
    expect(right[name] / cases).toBeGreaterThanOrEqual(0.98);
  });

  it('has at least 120 files of many kinds', () => {
    expect(DIALECT_CASES.length).toBeGreaterThanOrEqual(120);
    expect(new Set(DIALECT_CASES.map(({ delimiter }) => delimiter)).size).toBeGreaterThanOrEqual(8);
    expect(new Set(DIALECT_CASES.map(({ encoding }) => encoding)).size).toBeGreaterThanOrEqual(4);
  });
});

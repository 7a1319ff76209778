import fc from 'fast-check';
import { normalizers } from '../../../src/formats/validation/normalization.js';
import { NORMALIZE_OPERATIONS, type NormalizeOperation } from '../../../src/ingest/index.js';

function normalized(text: string, ...operations: NormalizeOperation[]): string | undefined {
  return normalizers({ a: operations }).get('a')?.(text);
}

describe('normalizing', () => {
  it.each([
    ['2024-1-2', '2024-01-02'],
    ['2024/01/31', '2024-01-31'],
    ['2024.1.31', '2024-01-31'],
    ['20240229', '2024-02-29'],
    ['1.2.2024', '2024-02-01'],
    ['31.12.1999', '1999-12-31'],
  ])('reads the date %s', (text, date) => {
    expect(normalized(text, 'iso_date')).toBe(date);
  });

  it.each([
    '01/02/2024',
    '31/01/2024',
    '01-02-2024',
    '2024/01-02',
    '1.2.24',
    '20230229',
    '31.04.2024',
    '2024/13/01',
    '0000/01/01',
    ' 2024/01/02',
    '2024/01/02 10:00',
    '202401',
    '120240101',
    '٢٠٢٤/٠١/٠٢',
    '',
  ])('does not guess what %j is', (text) => {
    expect(normalized(text, 'iso_date')).toBe(text);
  });

  it('does one thing after the other', () => {
    expect(normalized('\u00a0 31.1.2024\t', 'trim', 'iso_date')).toBe('2024-01-31');
    expect(normalized(' 31.1.2024', 'iso_date', 'trim')).toBe('31.1.2024');
    expect(normalized(' ÄbC', 'lowercase', 'trim', 'uppercase')).toBe('ÄBC');
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom(...NORMALIZE_OPERATIONS), (text, operation) => {
        const once = normalized(text, operation);
        expect(normalized(once ?? '', operation)).toBe(once);
      }),
    );
  });

  it('is of columns by any name', () => {
    const found = normalizers(JSON.parse('{"__proto__":["trim"]}') as Record<string, NormalizeOperation[]>);
    expect(found.get('__proto__')?.(' a ')).toBe('a');
    expect(found.get('constructor')).toBeUndefined();
  });
});

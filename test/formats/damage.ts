import fc from 'fast-check';

export interface Damage {
  at: number;
  byte: number;
  kind: 'set' | 'cut' | 'add';
}

/** One to six things that happen to a file. */
export const damages: fc.Arbitrary<Damage[]> = fc.array(
  fc.record({ at: fc.nat(), byte: fc.nat(255), kind: fc.constantFrom('set', 'cut', 'add') }),
  { minLength: 1, maxLength: 6 },
);

export function damagedBy(file: Buffer, changes: readonly Damage[]): Buffer {
  return changes.reduce((bytes, { at, byte, kind }) => {
    const index = at % (bytes.length + 1);
    const before = bytes.subarray(0, index);
    if (kind === 'cut') return before;
    return Buffer.concat([before, Buffer.from([byte]), bytes.subarray(kind === 'set' ? index + 1 : index)]);
  }, file);
}

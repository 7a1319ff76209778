import fc from 'fast-check';

/** Files with many quotes and line ends and few mistakes, so that records reach over blocks of 64 bytes. */
export const structuredFile: fc.Arbitrary<Buffer> = fc
  .record({
    rows: fc.array(
      fc.array(
        fc.oneof(
          fc.string({ unit: fc.constantFrom('x', '1', 'é', ' '), maxLength: 70 }),
          fc
            .array(fc.constantFrom('""', ',', '\n', '\r', '\r\n', 'x', 'xxxxxxx', 'é'), { maxLength: 30 })
            .map((parts) => `"${parts.join('')}"`),
        ),
        { minLength: 3, maxLength: 3 },
      ),
      { minLength: 1, maxLength: 12 },
    ),
    lineEnds: fc.array(fc.constantFrom('\n', '\r\n', '\r', '\n\n'), { minLength: 12, maxLength: 12 }),
    mistakes: fc.array(fc.record({ at: fc.nat(), insert: fc.constantFrom('"', 'x', '\n', '\r', ',"', '"x', '""') }), {
      maxLength: 2,
    }),
  })
  .map(({ rows, lineEnds, mistakes }) => {
    let text = rows.map((fields, index) => fields.join() + lineEnds[index]).join('');
    for (const { at, insert } of mistakes) {
      const index = at % (text.length + 1);
      text = text.slice(0, index) + insert + text.slice(index);
    }
    return Buffer.from(`a,b,c\n${text}`);
  });

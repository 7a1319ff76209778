import fc from 'fast-check';

interface Parts {
  /** Texts of fields without quotes. */
  plain: readonly string[];
  /** What quotes are written as inside quotes, and what else stands there. */
  quoted: readonly string[];
  lineEnds: readonly string[];
  mistakes: readonly string[];
}

/** Files with many quotes and line ends and few mistakes, so that records reach over blocks of 64 bytes. */
export const structuredFile = fileOf({
  plain: ['x', '1', 'é', ' '],
  quoted: ['""'],
  lineEnds: ['\n', '\r\n', '\r', '\n\n'],
  mistakes: ['""'],
});

/** The same with `\` as escape, `#` for comments, and blanks around fields. */
export const dialectFile = fileOf({
  plain: ['x', '1', 'é', ' ', '\t', '\\', '#'],
  quoted: ['\\"', '\\\\', '\\,', '\\\n', '\\\r\n', '\\é', '\\\\\\"', '#', '\n#'],
  lineEnds: ['\n', '\r\n', '\r', '\n\n', '\n#\n', '\r\n# "x", y\r\n', '\n#,"\n', '\r#,",\\",\r', '\n\n#1,"\n2","3"\n'],
  mistakes: ['\\', '\\"', '\\\\', '#', '\n#', '\n#,"', ' "'],
});

/** The same with quotes anywhere. */
export const laxFile = fileOf({
  plain: ['x', '1', 'é', ' ', '\t', '\\', '"', '"', '"x'],
  quoted: ['""', '"', '"', '" ', '"x', ' "', '\\"', '\\\\', '\\', '"x,', '""",'],
  lineEnds: ['\n', '\r\n', '\r', '\n\n', '\n#\n', '\r\n# "x", y\r\n', '\n#,"\n', '\r#,",\\",\r', '"\n'],
  mistakes: ['""', ' "', ',"', '",', '"\n', '\\"', '\ufffd'],
});

function fileOf({ plain, quoted, lineEnds, mistakes }: Parts): fc.Arbitrary<Buffer> {
  const anyQuoted = fc.constantFrom(...quoted, ',', '\n', '\r', '\r\n', 'x', 'xxxxxxx', 'é');
  const field = fc.oneof(
    fc.string({ unit: fc.constantFrom(...plain), maxLength: 70 }),
    fc.array(anyQuoted, { maxLength: 30 }).map((parts) => `"${parts.join('')}"`),
  );
  const insert = fc.constantFrom(...mistakes, '"', 'x', '\n', '\r', ',"', '"x');
  return fc
    .record({
      rows: fc.array(fc.array(field, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 12 }),
      ends: fc.array(fc.constantFrom(...lineEnds), { minLength: 12, maxLength: 12 }),
      changes: fc.array(fc.record({ at: fc.nat(), insert }), { maxLength: 2 }),
    })
    .map(({ rows, ends, changes }) => {
      let text = rows.map((fields, index) => fields.join() + ends[index]).join('');
      for (const change of changes) {
        const index = change.at % (text.length + 1);
        text = text.slice(0, index) + change.insert + text.slice(index);
      }
      return Buffer.from(`a,b,c\n${text}`);
    });
}

/** What the grammar says about a file, found in the plainest way: regular expressions over the whole text. */
export interface NaiveFinding {
  byteOffset: number;
  line: number;
  raw: string;
  /** Those of a well-formed record. */
  fields: string[] | null;
  code: 'STRAY_QUOTE' | 'UNTERMINATED_QUOTE' | null;
}

/** `text` has one character a byte; comma and double quote; no record near the size limit. */
export function naiveSplit(text: string): NaiveFinding[] {
  const field = '(?:"(?:[^"]|"")*"|[^",\\r\\n][^",\\r\\n]*|)';
  const record = new RegExp(`${field}(?:,${field})*(?=\\r|\\n|$(?![^]))`, 'y');
  const open = new RegExp(`(?:${field},)*"(?:[^"]|"")*$(?![^])`, 'y');
  const firstLine = /[^\r\n]*/y;
  const lineEnd = /\r\n|\r|\n/y;
  const at = (pattern: RegExp, index: number): string | null => {
    pattern.lastIndex = index;
    return pattern.exec(text)?.[0] ?? null;
  };

  const findings: NaiveFinding[] = [];
  let byte = 0;
  let line = 1;
  while (byte < text.length) {
    const blank = at(lineEnd, byte);
    if (blank !== null) {
      byte += blank.length;
      line += 1;
      continue;
    }
    const whole = at(record, byte);
    const raw = whole ?? at(firstLine, byte) ?? '';
    const code = whole !== null ? null : at(open, byte) === null ? 'STRAY_QUOTE' : 'UNTERMINATED_QUOTE';
    findings.push({ byteOffset: byte, line, raw, fields: whole === null ? null : fieldsOf(whole), code });
    line += (raw.match(/\r\n|\r|\n/g)?.length ?? 0) + 1;
    byte += raw.length;
    byte += at(lineEnd, byte)?.length ?? 0;
  }
  return findings;
}

function fieldsOf(record: string): string[] {
  // With a comma before the first field too, no match is empty.
  return [...`,${record}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain = '']) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );
}

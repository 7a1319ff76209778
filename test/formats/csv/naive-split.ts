/** What the grammar says about a file, found in the plainest way: regular expressions over the whole text. */
export interface NaiveFinding {
  byteOffset: number;
  line: number;
  raw: string;
  /** Those of a well-formed record. */
  fields: string[] | null;
  code: 'STRAY_QUOTE' | 'UNTERMINATED_QUOTE' | null;
}

/** What a field is, and one that is quoted up to the end of the file. */
const GRAMMARS = {
  strict: { field: '(?:"(?:[^"]|"")*"|[^",\\r\\n][^",\\r\\n]*|)', openField: '"(?:[^"]|"")*' },
  lax: { field: '(?:"(?:[^"]|"")*"(?!")[^,\\r\\n]*|(?!")[^,\\r\\n]*)', openField: '"(?:[^"]|"")*' },
  none: { field: '[^,\\r\\n]*', openField: '(?!)' },
};

/** `text` has one character a byte; comma and double quote; no record near the size limit. */
export function naiveSplit(text: string, quotes: keyof typeof GRAMMARS = 'strict'): NaiveFinding[] {
  const { field, openField } = GRAMMARS[quotes];
  const record = new RegExp(`${field}(?:,${field})*(?=\\r|\\n|$(?![^]))`, 'y');
  const open = new RegExp(`(?:${field},)*${openField}$(?![^])`, 'y');
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
    findings.push({
      byteOffset: byte,
      line,
      raw,
      fields: whole === null ? null : fieldsOf(whole, field).map(TEXTS[quotes]),
      code,
    });
    line += (raw.match(/\r\n|\r|\n/g)?.length ?? 0) + 1;
    byte += raw.length;
    byte += at(lineEnd, byte)?.length ?? 0;
  }
  return findings;
}

/** Each as it stands in the file. */
function fieldsOf(record: string, field: string): string[] {
  // With a comma before the first field too, no match is empty.
  return [...`,${record}`.matchAll(new RegExp(`,(${field})(?=,|$)`, 'gy'))].map(([, raw = '']) => raw);
}

const TEXTS = { strict: quotedText, lax: laxText, none: (raw: string) => raw };

function quotedText(raw: string): string {
  return raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw;
}

function laxText(raw: string): string {
  const [, enclosed] = /^"((?:[^"]|""|"(?!"|$))*)"$/.exec(raw) ?? [];
  if (enclosed !== undefined) return enclosed.replaceAll('""', '"');
  const [, inside, behind = ''] = /^"((?:[^"]|"")*)"([\s\S]*)$/.exec(raw) ?? [];
  return inside === undefined ? raw : inside.replaceAll('""', '"') + behind;
}

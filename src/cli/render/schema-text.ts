/** Limit of a line, in characters; narrower terminals wrap. */
const MAX_LINE = 80;

/** A schema as JSON that people read: what fits on a line stands on one, but for its columns, which have one each. */
export function schemaText(schema: unknown): string {
  return `${spell(schema, '', '', 0)}\n`;
}

/** `lead`: what stands before it on its line. */
function spell(value: unknown, indent: string, lead: string, level: number): string {
  const parts = partsOf(value);
  if (parts === null) return JSON.stringify(value);
  if (level > 0) {
    const line = onOneLine(value);
    if (indent.length + lead.length + line.length < MAX_LINE) return line;
  }
  const inner = `${indent}  `;
  const lines = parts.map(([key, part]) => {
    const name = key === null ? '' : `${JSON.stringify(key)}: `;
    return `${inner}${name}${spell(part, inner, name, level + 1)}`;
  });
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return lines.length === 0 ? `${open}${close}` : `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

function onOneLine(value: unknown): string {
  const parts = partsOf(value);
  if (parts === null) return JSON.stringify(value);
  const texts = parts.map(([key, part]) => `${key === null ? '' : `${JSON.stringify(key)}: `}${onOneLine(part)}`);
  if (Array.isArray(value)) return `[${texts.join(', ')}]`;
  return texts.length === 0 ? '{}' : `{ ${texts.join(', ')} }`;
}

/** Items without keys, members with theirs; null: a value without parts. */
function partsOf(value: unknown): Array<readonly [key: string | null, value: unknown]> | null {
  if (Array.isArray(value)) return value.map((item: unknown) => [null, item] as const);
  return typeof value === 'object' && value !== null ? Object.entries(value) : null;
}

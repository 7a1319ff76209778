declare global {
  interface JSON {
    /** Stringified as it stands (ECMAScript 2026); the text must be JSON without parts. */
    rawJSON(text: string): object;
  }
}

/** A number as it is spelled: no digit is lost. */
export class JsonNumber {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }

  toJSON(): object {
    return JSON.rawJSON(this.text);
  }
}

export type JsonValue = string | boolean | null | JsonNumber | JsonValue[] | JsonObject;
/** Own members only: `__proto__` may be one. */
export type JsonObject = { [name: string]: JsonValue };

/** A row that a reader accepted. */
export function parseRow(row: string): JsonObject {
  return JSON.parse(row, spelled as Reviver) as JsonObject;
}

type Reviver = (key: string, value: unknown) => unknown;

function spelled(_: string, value: unknown, { source }: { source: string }): unknown {
  return typeof value === 'number' ? new JsonNumber(source) : value;
}

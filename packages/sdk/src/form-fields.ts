/** A field of a form, not a file. */
export type FormField = readonly [name: string, value: string];

/** Those that have a value. */
export function given(fields: ReadonlyArray<readonly [string, string | undefined]>): FormField[] {
  return fields.filter((field): field is FormField => field[1] !== undefined);
}

export function formOf(fields: readonly FormField[]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.set(name, value);
  return form;
}

/** A field of a form, not a file. */
export type FormField = readonly [name: string, value: string];

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The names that a form of the contract spells out: without its file, and without those that have a pattern. */
type FieldName<Form> = Exclude<
  keyof { [Name in keyof Form as string extends Name ? never : Name]: true } & string,
  'file'
>;

/**
 * The option for each field of a form of the contract: the same name in camelCase. The compiler tells which field has no
 * option yet.
 */
export type FieldTable<Form, Options> = {
  readonly [Name in FieldName<Form>]: CamelCase<Name> & keyof Options;
};

/** The fields of those options that are given, spelled as the contract has them. */
export function fieldsOf<Options>(
  table: Readonly<Record<string, keyof Options>>,
  options: Partial<Options>,
): FormField[] {
  return Object.entries(table).flatMap(([name, option]) => {
    const value: unknown = options[option];
    return value === undefined ? [] : [[name, spelled(value)] as const];
  });
}

export function formOf(fields: readonly FormField[]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.set(name, value);
  return form;
}

function spelled(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

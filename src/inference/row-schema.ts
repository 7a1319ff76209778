/** What the JSON Schema spelling of a model says of one value (openapi: PropertySchema). */
export interface Property {
  type: string | string[];
  format?: string;
  items?: Property;
  properties?: Record<string, Property>;
  required?: string[];
}

/** The type of a value that may be null, or may not. */
export function orNull(type: string, mayBeNull: boolean): Pick<Property, 'type'> {
  return { type: mayBeNull ? [type, 'null'] : type };
}

/** What it says of rows (openapi: RowSchema). */
export interface RowSchema {
  type: 'object';
  properties?: Record<string, Property>;
  required?: string[];
}

/** What the JSON Schema spelling of a model says of one value (openapi: PropertySchema). */
export interface Property {
  type: string | string[];
  format?: string;
  items?: Property;
  properties?: Record<string, Property>;
  required?: string[];
}

/** What it says of rows (openapi: RowSchema). */
export interface RowSchema {
  type: 'object';
  properties?: Record<string, Property>;
  required?: string[];
}

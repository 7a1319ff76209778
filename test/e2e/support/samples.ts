import type { Branch, Json } from '../../openapi/document.js';

export const CSV = 'id,qty\n1,2\n';

/** One that keeps to every constraint, and has something for each. */
export const FLAT: Branch = { id: 'flat', name: 'Flat', schema: { id: 'String', price: 'Nullable(Decimal(10,2))' } };
export const JSON_SCHEMA: Branch = {
  id: 'json-schema',
  name: 'JSON Schema',
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'orders',
    type: 'object',
    properties: {
      id: { type: 'string', minLength: 1, maxLength: 9, pattern: '^[a-z]+$', nullable: false },
      email: { type: ['null', 'string'], format: 'email' },
      country: { type: 'string', enum: ['DE', 'FR'] },
      qty: { type: ['integer'], minimum: 1, maximum: 10 },
      price: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 100 },
      tags: { type: 'array', items: { type: 'string' }, minItems: 0, maxItems: 9 },
      place: {
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
        additionalProperties: true,
      },
    },
    required: ['id', 'qty'],
    additionalProperties: false,
  },
};

/** As a form or a query has it. */
export function text(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A form in which the file is the member of that name. */
export function form(fields: Branch): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'file') made.set(name, new Blob([text(value)]), 'orders.csv');
    else made.set(name, text(value));
  }
  return made;
}

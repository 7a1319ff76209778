import { readFileSync } from 'node:fs';
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { type Json, violations } from '../openapi/document.js';

/** What the document refers to the contract's schemas by. */
export const OPENAPI = '../openapi/openapi.yaml#';

export const document = parse(readFileSync(new URL('../../asyncapi/batch.yml', import.meta.url), 'utf8')) as {
  channels: Record<string, Json>;
};

/** What stands at a reference within the document. */
export function local(pointer: string): Json | undefined {
  const parts = pointer.slice('#/'.length).split('/');
  return parts.reduce<Json | undefined>((found, key) => (found as Record<string, Json> | undefined)?.[key], document);
}

interface Message {
  contentType?: string;
  headers: Json;
  payload: Json;
  bindings: { $ref: string };
}

/** A record as a consumer gets it. */
export interface ConsumedRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers?: Readonly<Record<string, Buffer>>;
}

const ajv = new Ajv2020();

/** What the message of this name (of `components.messages`) has against the record: its key, its headers, its value. */
export function recordViolations(name: string, { key, value, headers = {} }: ConsumedRecord): string[] {
  const message = local(`#/components/messages/${name}`) as unknown as Message;
  const bindings = local(message.bindings.$ref) as unknown as { kafka: { key: Json } };
  const parts: [string, Json, Json][] = [
    ['key', bindings.kafka.key, key?.toString() ?? null],
    [
      'headers',
      message.headers,
      Object.fromEntries(Object.entries(headers).map(([each, text]) => [each, String(text)])),
    ],
    ['value', message.payload, decoded(value, message.contentType)],
  ];
  return parts.flatMap(([part, schema, found]) => schemaViolations(schema, found).map((each) => `${part}${each}`));
}

function decoded(value: Buffer | null, contentType: string | undefined): Json {
  if (value === null) return null;
  return contentType === 'application/json' ? (JSON.parse(value.toString()) as Json) : value.toString();
}

function schemaViolations(given: Json, value: Json): string[] {
  // A schema in another format than AsyncAPI's own names it.
  const schema = (given as { schema?: Json }).schema ?? given;
  const { $ref } = schema as { $ref?: string };
  if ($ref?.startsWith(OPENAPI)) return violations($ref.slice(OPENAPI.length), value);
  const validate = ajv.compile(($ref === undefined ? schema : local($ref)) as AnySchema);
  validate(value);
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

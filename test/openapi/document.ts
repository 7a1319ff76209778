import { readFileSync } from 'node:fs';
import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

export type Json = null | boolean | number | string | Json[] | Branch;
export type Branch = { [key: string]: Json };

/** The contract, and ways to walk it: places are JSON pointers. */
export const contract = parse(readFileSync(new URL('../../openapi/openapi.yaml', import.meta.url), 'utf8')) as Branch;

export function isBranch(value: Json | undefined): value is Branch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function at(pointer: string): Json | undefined {
  let found: Json | undefined = contract;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    found = Array.isArray(found) ? found[Number(key)] : isBranch(found) ? found[key] : undefined;
  }
  return found;
}

export interface Member {
  key: string;
  /** Where the thing itself stands, references followed. */
  pointer: string;
  node: Branch;
}

/** What an object or array of the contract holds. */
export function members(pointer: string): Member[] {
  return Object.keys(at(pointer) ?? {}).map((key) => {
    const escaped = key.replaceAll('~', '~0').replaceAll('/', '~1');
    return { key, ...resolve(`${pointer}/${escaped}`) };
  });
}

/** What stands at the place, references followed. */
export function resolve(pointer: string): { pointer: string; node: Branch } {
  const node = at(pointer);
  if (!isBranch(node)) throw new Error(`nothing at ${pointer}`);
  return typeof node['$ref'] === 'string' ? resolve(node['$ref'].slice(1)) : { pointer, node };
}

export interface Operation {
  id: string;
  path: string;
  method: string;
  pointer: string;
  node: Branch;
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace'];
export const operations: Operation[] = members('/paths').flatMap((path) =>
  METHODS.filter((method) => method in path.node).map((method) => {
    const { pointer, node } = resolve(`${path.pointer}/${method}`);
    return { id: node['operationId'] as string, path: path.key, method, pointer, node };
  }),
);

/** One content type of one response or request body. */
export interface Content {
  where: string;
  operation: Operation;
  /** null: a request body. */
  status: number | null;
  type: string;
  pointer: string;
}

function contents(operation: Operation, status: number | null, pointer: string): Content[] {
  return members(`${pointer}/content`).map((content) => ({
    where: `${operation.id} ${status ?? 'request'} ${content.key}`,
    operation,
    status,
    type: content.key,
    pointer: content.pointer,
  }));
}

export const answers: Content[] = operations.flatMap((operation) =>
  members(`${operation.pointer}/responses`).flatMap(({ key, pointer }) => contents(operation, Number(key), pointer)),
);
export const bodies: Content[] = operations.flatMap((operation) =>
  contents(operation, null, `${operation.pointer}/requestBody`),
);

export function examplesOf(content: Content): Array<{ key: string; value: Json }> {
  return members(`${content.pointer}/examples`).map(({ key, node }) => ({ key, value: node['value'] ?? null }));
}

const ajv = new Ajv2020({
  strict: true,
  strictTypes: false,
  allErrors: true,
  allowUnionTypes: true,
});
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
ajv.addVocabulary(['components', 'paths', 'openapi', 'info', 'servers', 'tags', 'example']);
ajv.addSchema(contract as AnySchema, 'contract', false, false);

const validators = new Map<string, ValidateFunction>();

/** What the schema at this place has against the value; throws where the schema itself is not valid. */
export function violations(pointer: string, value: Json): string[] {
  const validate = validators.get(pointer) ?? ajv.compile({ $ref: `contract#${pointer}` });
  validators.set(pointer, validate);
  validate(value);
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

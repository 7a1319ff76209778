import { at, type Branch, isBranch, type Json, members, resolve, violations } from './document.js';

/** A value that the contract forbids. */
export interface Forbidden {
  /** Where the broken constraint stands in the contract. */
  constraint: string;
  value: Json;
}

const OTHERS: Json[] = [null, true, 1.5, 'text', ['text'], { a: 'text' }];
const TEXTS = ['-', ' ', 'é', ''];

function typeNames(value: Json): string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['number', 'integer'] : ['number'];
  return [typeof value];
}

function numbered<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** By keyword: values that break it, made from its own value and one that keeps to it. */
const BREAKERS: Record<string, (limit: Json, sample: Json) => Json[]> = {
  type: (types) => OTHERS.filter((value) => !typeNames(value).some((name) => [types].flat().includes(name))),
  const: (value) => [`${value as string}x`],
  enum: (values) => [`${(values as string[])[0]}x`],
  pattern: (source) => TEXTS.filter((text) => !new RegExp(source as string, 'u').test(text)).slice(0, 1),
  minLength: (length) => (Number(length) > 0 ? ['x'.repeat(Number(length) - 1)] : []),
  maxLength: (length, sample) => [(sample as string).padEnd(Number(length) + 1, (sample as string).at(-1) ?? 'x')],
  minimum: (limit) => [Number(limit) - 1],
  maximum: (limit) => [Number(limit) + 1],
  minItems: (length, sample) => [(sample as Json[]).slice(0, Number(length) - 1)],
  maxItems: (length) => [numbered(Number(length) + 1, (index) => `v${index}`)],
  minProperties: () => [{}],
  maxProperties: (count, sample) => [renamed(sample as Branch, Number(count) + 1)],
  required: (names, sample) => (names as string[]).map((name) => without(sample as Branch, name)),
  additionalProperties: (allowed, sample) => (allowed === false ? [{ ...(sample as Branch), unexpected: 'text' }] : []),
};

function without(sample: Branch, name: string): Branch {
  return Object.fromEntries(Object.entries(sample).filter(([key]) => key !== name));
}

/** `count` members like the sample's first, under names that begin like its name. */
function renamed(sample: Branch, count: number): Branch {
  const [[name, value] = ['text', 'text']] = Object.entries(sample);
  return Object.fromEntries(numbered(count, (index) => [`${name}${index}`, value]));
}

function isConstraint(node: Branch, keyword: string): boolean {
  const value = node[keyword];
  if (keyword === 'additionalProperties') return value === false;
  if (keyword === 'minLength' || keyword === 'minItems') return Number(value) > 0;
  return keyword in BREAKERS && value !== undefined;
}

/** The schemas that the one at the place is made of. */
function parts(pointer: string): string[] {
  const { node } = resolve(pointer);
  const named = ['properties', 'patternProperties', 'anyOf'].flatMap((group) =>
    members(`${pointer}/${group}`).map((member) => member.pointer),
  );
  const single = ['items', 'additionalProperties', 'propertyNames'].filter((keyword) => isBranch(node[keyword]));
  return [...named, ...single.map((keyword) => resolve(`${pointer}/${keyword}`).pointer)];
}

/** Where the constraints stand that a value for the schema at the place has to keep. */
export function constraintsOf(pointer: string): string[] {
  const schemas = new Set([resolve(pointer).pointer]);
  for (const schema of schemas) for (const part of parts(schema)) schemas.add(part);
  return [...schemas].flatMap((schema) => {
    const node = at(schema) as Branch;
    return Object.keys(node).flatMap((keyword) => (isConstraint(node, keyword) ? [`${schema}/${keyword}`] : []));
  });
}

/** Values that break one constraint each of the schema at the place, made from one that keeps to all of them. */
export function forbidden(pointer: string, sample: Json): Forbidden[] {
  const against = violations(pointer, sample);
  if (against.length > 0) throw new Error(`the sample for ${pointer} is not valid: ${against.join(', ')}`);
  const distinct = new Map<string, Forbidden>();
  for (const found of broken(resolve(pointer).pointer, sample)) {
    if (violations(pointer, found.value).length === 0) continue;
    distinct.set(`${found.constraint} ${JSON.stringify(found.value)}`, found);
  }
  return [...distinct.values()];
}

function* broken(pointer: string, sample: Json): Generator<Forbidden> {
  const { node } = resolve(pointer);
  for (const keyword of Object.keys(node).filter((key) => isConstraint(node, key))) {
    for (const value of BREAKERS[keyword]?.(node[keyword] ?? null, sample) ?? []) {
      yield { constraint: `${pointer}/${keyword}`, value };
    }
  }
  for (const branch of members(`${pointer}/anyOf`)) {
    if (violations(branch.pointer, sample).length === 0) yield* broken(branch.pointer, sample);
  }
  if (Array.isArray(sample)) {
    if (isBranch(node['items']))
      yield* inside(`${pointer}/items`, sample[0] ?? null, (item) => [item, ...sample.slice(1)]);
  } else if (isBranch(sample)) yield* brokenMembers(pointer, sample);
}

function* brokenMembers(pointer: string, sample: Branch): Generator<Forbidden> {
  const { node } = resolve(pointer);
  const named = members(`${pointer}/properties`);
  const matched = members(`${pointer}/patternProperties`);
  for (const [name, value] of Object.entries(sample)) {
    const schema =
      named.find(({ key }) => key === name) ??
      matched.find(({ key }) => new RegExp(key, 'u').test(name)) ??
      (isBranch(node['additionalProperties']) ? resolve(`${pointer}/additionalProperties`) : undefined);
    if (schema !== undefined) yield* inside(schema.pointer, value, (changed) => ({ ...sample, [name]: changed }));
  }
  const [[name, value] = ['', null]] = Object.entries(sample);
  if (!isBranch(node['propertyNames'])) return;
  for (const { constraint, value: other } of broken(resolve(`${pointer}/propertyNames`).pointer, name)) {
    // A name is text always.
    if (typeof other === 'string') yield { constraint, value: { ...sample, [other]: value } };
  }
}

function* inside(pointer: string, sample: Json, wrap: (value: Json) => Json): Generator<Forbidden> {
  for (const { constraint, value } of broken(resolve(pointer).pointer, sample))
    yield { constraint, value: wrap(value) };
}

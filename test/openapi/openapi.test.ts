import { catalogue, type ErrorCode } from '../../src/errors/index.js';
import { ROW_ERROR_CODES } from '../../src/formats/row-error-codes.js';
import { FILE_FORMATS } from '../../src/ingest/formats.js';
import { SINK_ROW_ERROR_CODES } from '../../src/sinks/sink-reject.js';
import {
  answers,
  at,
  type Branch,
  bodies,
  contract,
  examplesOf,
  isBranch,
  type Json,
  members,
  operations,
  violations,
} from './document.js';

describe('openapi.yaml', () => {
  it('is OpenAPI 3.1 and served from where it is found', () => {
    expect(contract['openapi']).toMatch(/^3\.1\.\d+$/);
    expect(contract['servers']).toEqual([{ url: '/' }]);
  });

  it('has every code that a row is rejected with, and no other', () => {
    expect(at('/components/schemas/RowErrorCode/enum')).toEqual([...ROW_ERROR_CODES]);
    expect(at('/components/schemas/SinkRowErrorCode/enum')).toEqual([...SINK_ROW_ERROR_CODES]);
  });

  it('has every format of a file, and no other', () => {
    expect(at('/components/schemas/FormatOption/enum')).toEqual(['auto', ...FILE_FORMATS]);
    for (const schema of ['JobSummary', 'InferredSchema']) {
      expect(at(`/components/schemas/${schema}/properties/format/enum`)).toEqual(FILE_FORMATS);
    }
  });

  it('has no reference that leads nowhere, and no component that nothing leads to', () => {
    const references: string[] = [];
    const walk = (value: Json) => {
      if (Array.isArray(value)) value.forEach(walk);
      else if (isBranch(value)) {
        if (typeof value['$ref'] === 'string') references.push(value['$ref']);
        Object.values(value).forEach(walk);
      }
    };
    walk(contract);
    for (const { node } of operations) {
      const schemes = (node['security'] as Branch[]).flatMap((alternative) => Object.keys(alternative));
      references.push(...schemes.map((name) => `#/components/securitySchemes/${name}`));
    }
    expect(
      references.filter((reference) => !reference.startsWith('#/') || at(reference.slice(1)) === undefined),
    ).toEqual([]);
    const components = members('/components').flatMap(({ key, pointer }) =>
      members(pointer).map((component) => `#/components/${key}/${component.key}`),
    );
    expect(components.filter((component) => !references.includes(component))).toEqual([]);
  });

  it('has schemas that a validator takes in strict mode', () => {
    for (const { key } of members('/components/schemas')) {
      expect(() => violations(`/components/schemas/${key}`, null)).not.toThrow();
    }
  });

  it('describes every operation, once', () => {
    expect(operations.map(({ id }) => id).toSorted()).toEqual([...new Set(operations.map(({ id }) => id))].toSorted());
    for (const { id, node } of operations) {
      expect([id, typeof node['summary'], Array.isArray(node['tags'])]).toEqual([id, 'string', true]);
    }
  });

  it('declares the parameters that its paths name, and describes each', () => {
    for (const path of members('/paths')) {
      const named = [...path.key.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = members(`${path.pointer}/parameters`).map(({ node }) => node['name']);
      expect([path.key, declared]).toEqual([path.key, named]);
    }
    const parameters = operations.flatMap(({ pointer }) => members(`${pointer}/parameters`));
    expect(parameters.filter(({ node }) => !node['description'] || !node['schema'])).toEqual([]);
  });

  it.each([...answers, ...bodies].map((content) => [content.where, content] as const))(
    'has examples for %s, and each is valid',
    (_, content) => {
      const examples = examplesOf(content);
      expect(examples.length).toBeGreaterThan(0);
      for (const { key, value } of examples) {
        expect([key, violations(`${content.pointer}/schema`, value)]).toEqual([key, []]);
      }
    },
  );

  it('has valid examples for its headers and parameters', () => {
    const carriers = [...members('/components/headers'), ...members('/components/parameters')];
    for (const { key, pointer, node } of carriers) {
      if (node['example'] !== undefined)
        expect([key, violations(`${pointer}/schema`, node['example'])]).toEqual([key, []]);
    }
  });
});

describe('the errors of the contract', () => {
  const coded = Object.entries(catalogue) as Array<[ErrorCode, (typeof catalogue)[ErrorCode]]>;
  /** Readiness answers 503 with its report. */
  const errors = answers.filter(({ status, operation }) => Number(status) >= 400 && operation.id !== 'getReadiness');

  it('are the codes of the catalogue that have an HTTP status', () => {
    const codes = coded.filter(([, entry]) => entry.status !== null).map(([code]) => code);
    expect(at('/components/schemas/ErrorCode/enum')).toEqual(codes);
  });

  it('are problems, of the status that the catalogue gives the code, one example a code', () => {
    expect(errors.map(({ type }) => type)).toEqual(errors.map(() => 'application/problem+json'));
    for (const content of errors) {
      for (const { key, value } of examplesOf(content)) {
        const entry = catalogue[key as ErrorCode];
        expect([content.where, value]).toEqual([
          content.where,
          expect.objectContaining({
            type: `/docs/errors#${key}`,
            title: entry.title,
            status: content.status,
            error: key,
            hint: entry.hint,
            detail: (value as Branch)['message'],
          }),
        ]);
        expect([key, entry.status]).toEqual([key, content.status]);
      }
    }
  });

  it('include, in a job, only codes of the catalogue', () => {
    const codes = at('/components/schemas/JobErrorCode/enum') as ErrorCode[];
    const ofSinks = at('/components/schemas/SinkErrorCode/enum') as ErrorCode[];
    expect([...codes, ...ofSinks].filter((code) => !(code in catalogue))).toEqual([]);
    const onlyInJobs = coded.filter(([, entry]) => entry.status === null).map(([code]) => code);
    const ofFeeds = at('/components/schemas/FeedErrorCode/enum') as ErrorCode[];
    expect(onlyInJobs.filter((code) => ![...codes, ...ofSinks, ...ofFeeds].includes(code))).toEqual([]);
    expect(at('/components/examples/JobFailed/value/error/hint')).toBe(catalogue.HEADER_MISMATCH.hint);
  });

  it('tell when to come back where the service is away, or has had enough', () => {
    for (const { pointer, where, status } of errors.filter(({ status }) => status === 503 || status === 429)) {
      const response = pointer.slice(0, pointer.lastIndexOf('/content'));
      const counts = status === 429 ? ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] : [];
      expect([where, members(`${response}/headers`).map(({ key }) => key)]).toEqual([
        where,
        ['Retry-After', ...counts],
      ]);
    }
  });
});

import { createRequire } from 'node:module';
import { Ajv, type AnySchema } from 'ajv';
import { encodeRejectedRow } from '../../src/formats/rejected-row.js';
import { JOB_TOPIC_CONFIG, JOBS_TOPIC_CONFIG } from '../../src/kafka/topic-configs.js';
import { document, local, OPENAPI, recordViolations } from '../asyncapi/document.js';
import { namesOf, SERVICE_TOPICS } from '../kit/names.js';
import { at, type Json } from '../openapi/document.js';

interface Channel {
  address: string;
  bindings: { kafka: { partitions: number; topicConfiguration: Record<string, string[] | number> } };
}

/** All references of a value. */
function references(value: Json | undefined): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' ? [member] : references(member),
  );
}

function channel(name: string): Channel {
  const { bindings, ...rest } = document.channels[name] as unknown as Channel & { bindings: { $ref?: string } };
  const resolved = bindings.$ref === undefined ? bindings : local(bindings.$ref);
  return { ...rest, bindings: resolved as Channel['bindings'] };
}

/** The configs of Kafka as the document spells them. */
function spelled(config: Readonly<Record<string, string>>, names: string[]): Record<string, string[] | number> {
  const value = (name: string): string[] | number =>
    name === 'cleanup.policy' ? [config[name] ?? ''] : Number(config[name]);
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

describe('asyncapi/batch.yml', () => {
  it('is an AsyncAPI 3 document', () => {
    const require = createRequire(import.meta.url);
    // The schema holds JSON Schema's, too.
    const ajv = new Ajv({ meta: false, validateSchema: false, strict: false, validateFormats: false });
    const validate = ajv.compile(require('@asyncapi/specs/schemas/3.0.0.json') as AnySchema);
    validate(document);
    expect(validate.errors).toBeNull();
    validate({ ...document, channels: { jobs: { address: 1 } } });
    expect(validate.errors).not.toBeNull();
  });

  it('refers only to what there is', () => {
    const all = references(document as unknown as Json);
    expect(all.length).toBeGreaterThan(10);
    const missing = all.filter(
      (each) => (each.startsWith(OPENAPI) ? at(each.slice(OPENAPI.length)) : local(each)) === undefined,
    );
    expect(missing).toEqual([]);
  });

  it('names the topics as the service does', () => {
    const { data, dlq } = namesOf('{job_id}');
    const addresses = ['acceptedRows', 'rejectedRows', 'jobs'].map((name) => channel(name).address);
    expect(addresses).toEqual([data, dlq, SERVICE_TOPICS.jobs]);
  });

  it.each([
    ['acceptedRows', JOB_TOPIC_CONFIG],
    ['rejectedRows', JOB_TOPIC_CONFIG],
    ['jobs', JOBS_TOPIC_CONFIG],
  ])('has the settings of the topics of %s', (name, config) => {
    const { partitions, topicConfiguration } = channel(name).bindings.kafka;
    expect(partitions).toBe(1);
    expect(topicConfiguration).toEqual(spelled(config, Object.keys(topicConfiguration)));
  });

  it('describes a rejected row as it is written', () => {
    const error = {
      column: 'qty',
      type: 'Int32',
      error: 'NOT_AN_INTEGER',
      observed: '3.5',
      message: 'not an Int32',
    } as const;
    const rejection = {
      ...{ rowNumber: 1, line: 2, byteOffset: 9, errors: [error], errorsTruncated: false },
      ...{ raw: Buffer.from('a,3.5'), rawTruncated: false },
    };
    const record = encodeRejectedRow('a1b2c3d4', rejection, '2026-11-20T08:00:01.000Z');
    expect(recordViolations('RejectedRow', { key: null, value: record })).toEqual([]);
  });

  it('tells a record that is not as it says from one that is', () => {
    const [key, value] = [Buffer.from('a1b2c3d4'), Buffer.from('{}')];
    const headers = { traceparent: Buffer.from(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`) };
    expect(recordViolations('RowObject', { key: null, value })).toEqual([]);
    expect(recordViolations('Purged', { key, value: null })).toEqual([]);
    for (const [name, wrong] of [
      ['Line', { key, value }],
      ['Line', { key: null, value, headers }],
      ['RowObject', { key: null, value: Buffer.from('[]') }],
      ['RejectedRow', { key: null, value }],
      ['Job', { key, value }],
      ['Purged', { key: null, value: null }],
      ['Purged', { key, value }],
    ] as const) {
      expect([name, recordViolations(name, wrong)]).not.toEqual([name, []]);
    }
  });
});

import { loadConfig } from '../../src/config/index.js';
import { jobNames } from '../../src/kafka/names.js';

function prefixOf(value: string | undefined): string {
  return loadConfig({ KAFKA_TOPIC_PREFIX: value }).kafka.topicPrefix;
}

describe('KAFKA_TOPIC_PREFIX', () => {
  it('is batch unless it is given', () => {
    expect([undefined, '', ' '].map(prefixOf)).toEqual(['batch', 'batch', 'batch']);
  });

  const longest = 'p'.repeat(236);

  it.each(['batch_eu', 'Team-2.ingest', '7', longest])('may be %s', (prefix) => {
    expect(prefixOf(` ${prefix} `)).toBe(prefix);
  });

  it('leaves room for the longest name of a topic that Kafka allows', () => {
    expect(jobNames({ topicPrefix: longest, jobId: '12345678' }).dlq).toHaveLength(249);
  });

  it.each(['.', '..', '__consumer', '-x', 'a b', 'a/b', 'ä', 'a\nb', `${longest}p`])('may not be %j', (prefix) => {
    expect(() => prefixOf(prefix)).toThrow(/KAFKA_TOPIC_PREFIX must be at most 236 letters, digits/);
  });
});

import { DEFAULT_OPTIONS } from '../../src/ingest/index.js';
import { jobNames, serviceTopics, TopicAdmin } from '../../src/kafka/index.js';
import type { SinkAssignment } from '../../src/sinks/ipc.js';
import { carryOut } from '../../src/sinks/load.js';
import type { Sink } from '../../src/sinks/sink.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { jobOf } from '../sinks/sample.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

describe('the load of a job whose topics a broker does not know', () => {
  const kafka = kafkaAt(brokers);
  const names = jobNames({ topicPrefix: 'unknown', jobId: 'a1b2c3d4' });
  const assignment: SinkAssignment = {
    id: '1',
    intent: 'load',
    job: jobOf('a1b2c3d4'),
    format: {
      ...{ format: 'json', columns: [], additionalColumns: false, dialect: null, fileColumns: null },
      options: { ...DEFAULT_OPTIONS, valueFormat: 'json' },
    },
    names,
    ...{ checkpoint: null, isWhole: true, lastReject: -1 },
    summary: { state: 'SUCCESS', rows: 0, ok: 0, errors: 0, createdAt: '', finishedAt: '' },
  };
  // It is not asked for anything before the topics are there.
  const sink = { name: 'postgres' } as Sink;
  const outcome = (topics: Pick<TopicAdmin, 'isGone'>) =>
    carryOut(assignment, { sink, kafka, topics, report: async () => undefined, signal: new AbortController().signal });

  it('has expired if the controller says that they are gone', async () => {
    const topics = new TopicAdmin(kafka, serviceTopics('unknown'), 1);
    expect(await outcome(topics)).toMatchObject({ kind: 'expired' });
  });

  it('waits as long as it may be that the broker has just started', async () => {
    expect(await outcome({ isGone: async () => false })).toMatchObject({ kind: 'kafka' });
  });
});

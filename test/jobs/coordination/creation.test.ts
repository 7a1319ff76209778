import { pino } from 'pino';
import { JobCreation } from '../../../src/jobs/coordination/creation.js';
import type { NewJob } from '../../../src/jobs/domain/stored-job.js';
import { JobsHarness } from '../support/jobs-harness.js';
import { aJob } from '../support/store-fixture.js';

const SPARE = 'spare000';
const UPLOAD = { fileKey: null, keep: async () => undefined, handOver: () => undefined };

let harness: JobsHarness;
/** What became of the spare id. */
let fate: string[];
let spare: { id: string | undefined; isUnused: boolean };

beforeEach(async () => {
  harness = await JobsHarness.open();
  fate = [];
  spare = { id: SPARE, isUnused: true };
  await harness.fixture.db
    .insertInto('spare_topics')
    .values({ job_id: SPARE, topic_prefix: 'batch', owner: 'this process', created_at: '2026-03-01T12:00:00.000Z' })
    .execute();
});
afterEach(() => harness.close());

function create(job: Partial<NewJob> = {}): ReturnType<JobCreation['create']> {
  const { store, writer, notifier, clock } = harness;
  const creation = new JobCreation({
    store,
    writer,
    notifier,
    topics: { createJobTopics: async () => fate.push('topics made') > 0 },
    spares: {
      take: () => spare.id,
      giveBack: (id) => fate.push(`${id} given back`),
      discard: (id) => fate.push(`${id} discarded`),
      areUnused: async () => spare.isUnused,
      refill: () => fate.push('refill'),
    },
    owner: 'this process',
    clock,
    log: pino({ level: 'silent' }),
  });
  return creation.create(aJob(job), UPLOAD);
}

describe('a job', () => {
  it('gets the id and the topics that were made ahead', async () => {
    expect(await create()).toMatchObject({ kind: 'created', record: { jobId: SPARE, state: 'PENDING' } });
    expect(fate).toEqual(['refill']);
  });

  it('makes new topics if there are none, or they are not as they were made', async () => {
    spare.isUnused = false;
    const other = await create();
    expect(other).toMatchObject({ kind: 'created' });
    expect(other.record.jobId).not.toBe(SPARE);
    spare.id = undefined;
    expect(await create()).toMatchObject({ kind: 'created' });
    expect(fate).toEqual(['topics made', 'refill', 'topics made', 'refill']);
  });

  it('that is there already, or cannot be stored, leaves the topics to the next one', async () => {
    spare.id = undefined;
    await create({ idempotencyKey: 'key' });
    spare.id = SPARE;
    expect(await create({ idempotencyKey: 'key' })).toMatchObject({ kind: 'key_taken' });
    await expect(create({ modelId: 'unknown' })).rejects.toThrow();
    expect(fate.filter((each) => each !== 'refill')).toEqual([
      'topics made',
      `${SPARE} given back`,
      `${SPARE} given back`,
    ]);
  });

  it('does without the topics if another one has their id', async () => {
    await create();
    fate = [];
    expect((await create()).record.jobId).not.toBe(SPARE);
    expect(fate).toEqual([`${SPARE} discarded`, 'topics made', 'refill']);
  });
});

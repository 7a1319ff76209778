import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import { type Database, openPostgres } from '../../../src/database/index.js';
import { ServiceError } from '../../../src/errors/index.js';
import { parseJobRequest, type SinkName } from '../../../src/ingest/index.js';
import { JobCreation } from '../../../src/jobs/coordination/creation.js';
import type { GivenFile } from '../../../src/jobs/coordination/given-file.js';
import { JobFiles } from '../../../src/jobs/coordination/job-files.js';
import { JobTraces } from '../../../src/jobs/coordination/job-traces.js';
import { JobWriter } from '../../../src/jobs/coordination/job-writer.js';
import { JobRemoval } from '../../../src/jobs/coordination/removal.js';
import { type Intake, JobSubmission } from '../../../src/jobs/coordination/submission.js';
import { JobUploads } from '../../../src/jobs/coordination/uploads.js';
import { systemClock as clock } from '../../../src/jobs/domain/clock.js';
import { FileRows } from '../../../src/jobs/store/file-rows.js';
import { JobStore } from '../../../src/jobs/store/job-store.js';
import { RemovalStore } from '../../../src/jobs/store/removal-store.js';
import { UploadStore } from '../../../src/jobs/store/upload-store.js';
import { ModelService } from '../../../src/models/model-service.js';
import { ModelStore } from '../../../src/models/model-store.js';
import { NO_TRACING } from '../../../src/observability/tracing/index.js';
import { LocalFileStore } from '../../../src/storage/index.js';
import { ReceivedUpload } from '../../../src/upload/received-upload.js';
import { type PostgresServer, startPostgres } from '../../kit/postgres.js';
import { openStore, type StoreFixture } from '../support/store-fixture.js';

const IDLE_MS = 30_000;
const STALE_MS = 60_000;
const URI = 's3://exports/a.csv';
const log = pino({ level: 'silent' });

/** A process that takes uploads, on a database and a folder that others use, too. */
class Api {
  readonly files: LocalFileStore;
  readonly uploads: JobUploads;
  readonly jobFiles: JobFiles;
  readonly removal: JobRemoval;
  readonly #creation: JobCreation;
  readonly #submission: JobSubmission;
  /** The sinks of the service. */
  readonly sinks: { urls: Map<SinkName, string>; defaults: SinkName[] } = { urls: new Map(), defaults: [] };
  /** Called before the topics of a job are created; false: there are such topics. */
  onTopics: () => Promise<boolean> = async () => true;
  /** Called when a job has come to be, before that is known here. */
  onActivated: () => void = () => undefined;

  constructor(
    readonly db: Database,
    folder: string,
    owner: string,
  ) {
    const store = new JobStore(db, clock);
    const rows = new UploadStore(db, owner, clock);
    const writer = new JobWriter(store, { publish: () => undefined }, clock);
    this.files = new LocalFileStore(folder, 0, 'installation');
    const { files } = this;
    this.uploads = new JobUploads({ files, rows, clock, log });
    this.jobFiles = new JobFiles({
      files,
      rows: new FileRows(db),
      uploads: rows,
      uploadIdleMs: IDLE_MS,
      clock,
      log,
    });
    this.#creation = new JobCreation({
      store,
      writer: {
        activate: async (...given) => {
          const record = await writer.activate(...given);
          this.onActivated();
          return record;
        },
      },
      notifier: { notify: () => undefined },
      topics: { createJobTopics: () => this.onTopics() },
      spares: {
        take: () => undefined,
        giveBack: () => undefined,
        discard: () => undefined,
        areUnused: async () => false,
        refill: () => undefined,
      },
      owner,
      clock,
      log,
    });
    this.removal = new JobRemoval({
      leader: { epoch: 1 },
      rows: new RemovalStore(db),
      creation: this.#creation,
      topics: {
        deleteUnusedJobTopics: async () => undefined,
        deleteJobTopics: async () => undefined,
        deleteJobGroup: async () => undefined,
      },
      publishTombstone: async () => undefined,
      files,
      clock,
      log,
      checkKafka: async () => undefined,
    });
    this.#submission = new JobSubmission({
      models: new ModelService(new ModelStore(db)),
      store,
      creation: this.#creation,
      traces: new JobTraces(NO_TRACING),
      topicPrefix: 'batch',
      sinks: this.sinks,
    });
  }

  async receive(text: string): Promise<ReceivedUpload> {
    const file = await this.uploads.create();
    await pipeline(Readable.from([Buffer.from(text)]), file.body);
    return new ReceivedUpload(file, 'a.csv', text.length, file.sha256, 'none', Buffer.from(text), {});
  }

  /** As a request does that has received its file. */
  async accept(text: string, key: string | null = 'key', options: Record<string, string> = {}): Promise<Intake> {
    const upload = await this.receive(text);
    try {
      return await this.#submission.accept(upload, parseJobRequest({ model_id: 'orders', ...options }, {}), key);
    } finally {
      await upload.discard();
    }
  }

  /** As a request does whose file stays where it lies: `version` is there now, or what is said of it. */
  async acceptSource(
    version: string | ServiceError,
    { uri = URI, key = 'key' as string | null, ...options }: Record<string, string | null> = {},
  ): Promise<Intake> {
    const look = async (): Promise<GivenFile> => {
      if (version instanceof ServiceError) throw version;
      return {
        ...{ filename: 'a.csv', sizeBytes: 5, sha256: null, fileCompression: 'none', head: Buffer.from('id\n1\n') },
        ...{ source: { uri: `${uri}`, version, sizeBytes: 5 }, fileKey: null },
        ...{ keep: async () => undefined, handOver: () => undefined },
      };
    };
    return this.#submission.acceptSource(`${uri}`, look, parseJobRequest({ model_id: 'orders', ...options }, {}), key);
  }
}

describe('several processes that take uploads', () => {
  let server: PostgresServer;
  let url: string;
  let fixture: StoreFixture;
  let folder: string;
  let we: Api;
  let they: Api;

  const open = (): Promise<Database> => openPostgres({ url, onIdleError: () => undefined });

  let original: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = original = await server.createDatabase();
    await (await open()).destroy();
  }, 300_000);
  afterAll(() => server.stop());

  beforeEach(async () => {
    url = await server.createDatabase(original);
    fixture = await openStore(open);
    folder = join(fixture.folder, 'shared');
    we = new Api(fixture.db, folder, 'we');
    they = new Api(await open(), folder, 'they');
    await Promise.all([we.files.open(), they.files.open()]);
  });
  afterEach(async () => {
    await Promise.all([we.files.close(), they.files.close()]);
    await they.db.destroy();
    await fixture.close();
  });

  /** The files that there are, whole or not. */
  async function found(): Promise<string[]> {
    return (await readdir(folder)).filter((name) => name !== 'installation');
  }

  async function rowsOf(table: 'uploads' | 'jobs'): Promise<{ phase: string | null }[]> {
    return fixture.db.selectFrom(table).select('phase').execute();
  }

  /** All rows were touched this much earlier. */
  async function pass(ms: number): Promise<void> {
    for (const table of ['uploads', 'jobs'] as const) {
      await fixture.db
        .updateTable(table)
        .set((eb) => ({ touched_at: eb('touched_at', '-', ms) }))
        .execute();
    }
  }

  /** Has a process wait with the topics of its next job: `reached` when it does. */
  function hold(api: Api): { reached: Promise<void>; goOn: () => void } {
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<boolean>();
    api.onTopics = () => {
      reached.resolve();
      return gate.promise;
    };
    return { reached: reached.promise, goOn: () => gate.resolve(true) };
  }

  it('give one job for one Idempotency-Key, wherever it comes at the same time', async () => {
    for (let round = 0; round < 10; round++) {
      const key = `key ${round}`;
      const intakes = await Promise.all([we, they, we, they].map((api) => api.accept('id\n1\n', key)));
      expect(intakes.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(intakes.map(({ record }) => record.jobId)).size).toBe(1);
      expect([(await found()).length, await rowsOf('uploads')]).toEqual([round + 1, []]);
    }
  });

  describe('sinks of a job', () => {
    const update = (sinks: SinkName[] | null) =>
      fixture.models.update('orders', { schema: {}, compiled: { columns: [], additionalColumns: true }, sinks });
    const sinksWith = async (options: Record<string, string> = {}): Promise<string[]> => {
      const { record } = await we.accept('id\n1\n', null, options);
      expect(record.sinks.map(({ name }) => name)).toEqual(record.options.sinks);
      return record.options.sinks;
    };
    beforeEach(() => {
      we.sinks.urls.set('clickhouse', 'http://127.0.0.1:1').set('postgres', 'postgres://127.0.0.1:1/x');
      we.sinks.defaults.push('postgres');
    });

    it('are those that it names, else those of its model, else those of the service', async () => {
      expect([await sinksWith(), await sinksWith({ sinks: 'clickhouse' })]).toEqual([['postgres'], ['clickhouse']]);
      await update(['clickhouse']);
      expect([await sinksWith(), await sinksWith({ sinks: 'none' })]).toEqual([['clickhouse'], []]);
      await update([]);
      expect([await sinksWith(), await sinksWith({ sinks: 'postgres' })]).toEqual([[], ['postgres']]);
      await update(null);
      expect(await sinksWith()).toEqual(['postgres']);
    });

    it('must be configured, whoever names them; the setting is told', async () => {
      we.sinks.urls.delete('clickhouse');
      await update(['clickhouse']);
      const refused = (detail: string) => ({ code: 'SINK_NOT_CONFIGURED', message: expect.stringContaining(detail) });
      await expect(sinksWith({ sinks: 'clickhouse,postgres' })).rejects.toMatchObject(
        refused('sinks: clickhouse is not configured: set CLICKHOUSE_URL on the server'),
      );
      await expect(sinksWith()).rejects.toMatchObject(
        refused("sinks: clickhouse, a sink of the model 'orders', is not configured: set CLICKHOUSE_URL on the server"),
      );
      expect([await found(), await sinksWith({ sinks: 'none' })]).toEqual([[], []]);
    });

    it('do not make a repeated request another one if the model has changed them meanwhile', async () => {
      const { record } = await we.accept('id\n1\n');
      await update(['clickhouse']);
      expect(await we.accept('id\n1\n')).toMatchObject({ replayed: true, record: { jobId: record.jobId } });
    });
  });

  describe('whose files stay where they lie', () => {
    const gone = new ServiceError('SOURCE_NOT_FOUND', 'there is no object s3://exports/a.csv');

    it.each(['SOURCE_NOT_FOUND', 'SOURCE_UNAVAILABLE', 'SOURCE_FORBIDDEN'] as const)(
      'answer a repeated request with its job if the file cannot be found any more: %s',
      async (code) => {
        const { record } = await we.acceptSource('v1');
        const again = await they.acceptSource(new ServiceError(code, 'it was moved'));
        expect(again).toMatchObject({ replayed: true, record: { jobId: record.jobId } });
      },
    );

    it('refuse a key for another file, other options or a version that is seen to be another', async () => {
      await we.acceptSource('v1');
      const others = [
        we.acceptSource(gone, { uri: 's3://exports/b.csv' }),
        we.acceptSource(gone, { delimiter: ';' }),
        we.acceptSource('v2'),
      ];
      for (const each of others) await expect(each).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    });

    it('say what is wrong with the file if there is no job of the key, or the file is seen to be no good', async () => {
      await expect(we.acceptSource(gone)).rejects.toBe(gone);
      await we.acceptSource('v1');
      await expect(we.acceptSource(gone, { key: null })).rejects.toBe(gone);
      const empty = new ServiceError('READ_ERROR', 'it is empty');
      await expect(we.acceptSource(empty)).rejects.toBe(empty);
    });

    it('wait for the job of the key that the same process creates', async () => {
      const { reached, goOn } = hold(we);
      const first = we.acceptSource('v1');
      await reached;
      const second = we.acceptSource(gone);
      goOn();
      const { record } = await first;
      expect(await second).toMatchObject({ replayed: true, record: { jobId: record.jobId } });
    });
  });

  it('wait for the job of a key that another one creates, and refuse another file at once', async () => {
    const { reached, goOn } = hold(they);
    const first = they.accept('id\n1\n');
    await reached;
    await expect(we.accept('id\n2\n')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    const second = we.accept('id\n1\n');
    goOn();
    const { record } = await first;
    expect(await second).toMatchObject({ replayed: true, record: { jobId: record.jobId } });
    expect(await found()).toEqual([record.fileKey]);
  });

  it('hold no key for a process that was killed while it received the file', async () => {
    await they.receive('id\n1\n');
    const { record, replayed } = await we.accept('id\n1\n');
    expect(replayed).toBe(false);
    await pass(STALE_MS + 1_000);
    await we.jobFiles.sweep();
    await pass(STALE_MS);
    await we.jobFiles.sweep();
    expect([await found(), await rowsOf('uploads')]).toEqual([[record.fileKey], []]);
  });

  it('give up what a process was creating that was killed, and its key is free', async () => {
    const { reached, goOn } = hold(they);
    const first = they.accept('id\n1\n').catch((error: unknown) => error);
    await reached;
    await we.removal.round();
    await expect(we.accept('id\n1\n')).rejects.toMatchObject({ code: 'SERVICE_BUSY' });
    await pass(31_000);
    await we.removal.round();
    const { record, replayed } = await we.accept('id\n1\n');
    expect([replayed, await found()]).toEqual([false, [record.fileKey]]);
    // It only stood still: it finds that it was given up, and leaves nothing.
    goOn();
    expect(await first).toMatchObject({ code: 'UPLOAD_TIMEOUT' });
    expect([await found(), await rowsOf('uploads'), await rowsOf('jobs')]).toEqual([
      [record.fileKey],
      [],
      [{ phase: null }],
    ]);
  });

  it('find the job of a process that was killed before its answer', async () => {
    const { record } = await they.accept('id\n1\n');
    await we.removal.round();
    expect(await we.accept('id\n1\n')).toMatchObject({ replayed: true, record: { jobId: record.jobId } });
    expect(await found()).toEqual([record.fileKey]);
  });

  it('answer with the job if the answer to the last step was lost', async () => {
    we.onActivated = () => {
      throw new ServiceError('STORE_UNAVAILABLE', 'the connection was cut');
    };
    const { record, replayed } = await we.accept('id\n1\n');
    expect([replayed, record.state, await found()]).toEqual([false, 'PENDING', [record.fileKey]]);
  });

  it('leave the file to the job if it cannot be known whether that has come to be', async () => {
    const { transaction } = fixture.db;
    we.onActivated = () => {
      fixture.db.transaction = () => {
        throw new ServiceError('STORE_UNAVAILABLE', 'the server is away');
      };
      throw new ServiceError('STORE_UNAVAILABLE', 'the connection was cut');
    };
    await expect(we.accept('id\n1\n')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    fixture.db.transaction = transaction;
    expect([(await found()).length, await rowsOf('jobs')]).toEqual([1, [{ phase: null }]]);
    expect(await they.accept('id\n1\n')).toMatchObject({ replayed: true });
  });

  it('keep the file of a job whose first id was that of other topics, while another one removes the row of that', async () => {
    let asked = 0;
    we.onTopics = async () => {
      if (++asked === 1) return false;
      await they.removal.round();
      return true;
    };
    const { record } = await we.accept('id\n1\n');
    expect(asked).toBe(2);
    await they.removal.round();
    expect([await found(), await rowsOf('jobs')]).toEqual([[record.fileKey], [{ phase: null }]]);
  });

  it('leave nothing of an upload that was refused behind', async () => {
    we.onTopics = async () => {
      throw new ServiceError('KAFKA_UNAVAILABLE', 'away');
    };
    await expect(we.accept('id\n1\n')).rejects.toMatchObject({ code: 'KAFKA_UNAVAILABLE' });
    expect([await found(), await rowsOf('uploads'), await rowsOf('jobs')]).toEqual([[], [], [{ phase: 'ABORTED' }]]);
    await they.removal.round();
    expect(await rowsOf('jobs')).toEqual([]);
    expect(await they.accept('id\n1\n')).toMatchObject({ replayed: false });
  });
});

import { access, chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../src/jobs/domain/job.js';
import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { runnerPids } from '../kit/runners.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

const suite = useService({ models: { orders: ORDERS_SCHEMA }, env: ONE_PROCESS });
const { api } = suite;

async function restart(between: () => Promise<void>, env: Record<string, string> = {}): Promise<void> {
  await suite.service.kill('SIGTERM');
  await between();
  suite.service = await startService({ brokers, dataDir: suite.service.dataDir, env: { ...ONE_PROCESS, ...env } });
}

/** Root reads every file; without these capabilities it is as any other user. */
const UNPRIVILEGED = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--'] : [];

describe('an uploaded file that the service may not read for some time', () => {
  let narrow: Service;
  let narrowApi: Api;
  const orders = makeOrders(200, 7);

  /** A job whose file is made unreadable before its first runner opens it. */
  async function unreadableJob(): Promise<{ jobId: string; path: string }> {
    const runners = runnerPids(narrow);
    for (const pid of runners) process.kill(pid, 'SIGSTOP');
    const { job_id: jobId } = await narrowApi.createJob('orders', orders.csv);
    const path = join(narrow.dataDir, 'spool', jobId);
    await chmod(path, 0);
    for (const pid of runners) process.kill(pid, 'SIGCONT');
    return { jobId, path };
  }

  beforeAll(async () => {
    const env = { JOB_CONCURRENCY: '1', KAFKA_UNAVAILABLE_AFTER_MS: '15000', JOB_MAX_ATTEMPTS: '1' };
    narrow = await startService({ brokers, env: { ...ONE_PROCESS, ...env }, under: UNPRIVILEGED });
    narrowApi = new Api(narrow.url);
    await narrowApi.createModel('orders', ORDERS_SCHEMA);
    while (runnerPids(narrow).length === 0) await sleep(10);
  });
  afterAll(() => narrow.stop());

  it('is delivered whole once it may', async () => {
    const { jobId, path } = await unreadableJob();
    while (!narrow.log().includes('EACCES')) await sleep(10);
    expect((await narrowApi.job(jobId)).state).toBe('RUNNING');
    await chmod(path, 0o600);
    await expectDelivered(brokers, await narrowApi.ended(jobId), orders);
  });

  it('fails its job as SPOOL_UNREADABLE in the end, which can be resumed', async () => {
    const { jobId, path } = await unreadableJob();
    expect(await narrowApi.ended(jobId)).toMatchObject({
      state: 'FAILED',
      error: {
        code: 'SPOOL_UNREADABLE',
        message: 'the stored file cannot be read (EACCES)',
        hint: expect.stringContaining(`POST /jobs/${jobId}/resume`),
      },
      end_offsets: { data: 0, dlq: 0 },
    });
    await chmod(path, 0o600);
    expect((await narrowApi.resume(jobId)).status).toBe(202);
    await expectDelivered(brokers, await narrowApi.ended(jobId), orders);
  });
});

describe('an uploaded file', () => {
  it('that a job keeps starts another one, and neither takes the file away from the other', async () => {
    const orders = makeOrders(50, 5);
    const semicolons = Buffer.from(orders.csv.toString().replaceAll(',', ';'));
    const failed = await api.ended((await api.createJob('orders', semicolons)).job_id);
    expect(failed).toMatchObject({ state: 'FAILED', error: { code: 'HEADER_MISMATCH' } });
    const fromJob = async (options: Record<string, string>): Promise<Job> => {
      const body = new FormData();
      for (const [name, value] of Object.entries({ model_id: 'orders', from_job: failed.job_id, ...options })) {
        body.set(name, value);
      }
      return api.ended(
        ((await (await fetch(`${suite.service.url}/jobs`, { method: 'POST', body })).json()) as Job).job_id,
      );
    };
    const again = await fromJob({ delimiter: ';', 'metadata.why': 'semicolons' });
    expect(again).toMatchObject({
      ...{ filename: failed.filename, size_bytes: failed.size_bytes, sha256: failed.sha256 },
      ...{ dialect: { delimiter: ';' }, metadata: { why: 'semicolons' } },
    });
    expect(again.totals.rows).toBeGreaterThan(0);
    const spool = join(suite.service.dataDir, 'spool');
    await rm(join(spool, again.job_id), { force: true });
    expect(await readFile(join(spool, failed.job_id))).toEqual(semicolons);
    expect((await fromJob({ delimiter: ';' })).totals).toEqual(again.totals);
    expect((await readdir(spool)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('is still there when the database is lost, and so is what others keep beside it', async () => {
    const orders = makeOrders(20, 2);
    const { job_id } = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    const spool = join(suite.service.dataDir, 'spool');
    expect(await readFile(join(spool, job_id))).toEqual(orders.csv);
    await restart(
      async () => {
        const files = await readdir(suite.service.dataDir);
        for (const name of files.filter((each) => each !== 'spool')) await rm(join(suite.service.dataDir, name));
        await mkdir(join(spool, 'lost+found'), { mode: 0o700 });
        await writeFile(join(spool, 'notes.txt'), 'mine');
        // A new database is another installation.
      },
      { KAFKA_ADOPT_PREFIX: 'true' },
    );
    expect((await fetch(`${suite.service.url}/jobs/${job_id}`)).status).toBe(404);
    expect(await readFile(join(spool, 'orphans', job_id))).toEqual(orders.csv);
    expect(await readFile(join(spool, 'notes.txt'), 'utf8')).toBe('mine');
    await access(join(spool, 'lost+found'));
    const said = suite.service
      .log()
      .split('\n')
      .filter((line) => line.includes('moved aside a file that belongs to no job') && line.includes(job_id));
    expect(said.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'warn', job_id, file: join(spool, 'orphans', job_id), keep_hours: 24 },
    ]);
  });
});

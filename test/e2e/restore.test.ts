import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Backup } from 'batch-ingest-sdk';
import { Api } from '../kit/api.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { runService } from '../kit/run-service.js';
import { runnerPids } from '../kit/runners.js';
import { ONE_PROCESS, type Service, startService } from '../kit/service.js';
import { readTopic } from '../kit/topic.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const JUMP = 2 ** 20;
/** Its job is SUCCESS, after which its file is removed. */
const ORDERS = makeOrders(20_000);
const FEW = makeOrders(100, 7);

const folder = mkdtempSync(join(tmpdir(), 'batch-restore-'));
const dataDir = join(folder, 'data');
const api = new Api('');
let service: Service;

async function start(): Promise<void> {
  service = await startService({ brokers, dataDir, env: ONE_PROCESS });
  api.url = service.url;
}

function restore(...args: string[]): ReturnType<typeof runService> {
  return runService({ DATA_DIR: dataDir, DATABASE_URL: '' }, ['restore', ...args]);
}

beforeAll(start);
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a backup of a service that runs', () => {
  let backup: Backup;

  it('is restored: jobs go on from what Kafka holds, all are published again, and nothing is deleted', async () => {
    await api.createModel('orders', ORDERS_SCHEMA);
    const done = await api.ended((await api.createJob('orders', FEW.csv)).job_id);
    // Frozen, so that the job has not ended when the backup is made, however fast this machine is.
    const runners = runnerPids(service);
    for (const pid of runners) process.kill(pid, 'SIGSTOP');
    const { job_id: underWay } = await api.createJob('orders', ORDERS.csv);
    const response = await fetch(`${api.url}/backups`, { method: 'POST' });
    for (const pid of runners) process.kill(pid, 'SIGCONT');
    expect(response.status).toBe(201);
    backup = (await response.json()) as Backup;
    expect(basename(backup.file)).toMatch(/^batch-\d{8}T\d{9}Z\.db$/);

    // What the backup does not know: the end of one job, and all of another, which keeps its file.
    const ended = await api.ended(underWay);
    const later = await api.ended((await api.createJob('orders', FEW.csv)).job_id);
    expect(later.state).toBe('PARTIAL_SUCCESS');
    const refused = await restore(backup.file);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('Another process uses')]);
    await service.kill('SIGTERM');

    const restored = await restore(backup.file);
    expect([restored.status, restored.stderr]).toEqual([0, '']);
    expect(restored.stdout).toMatch(
      /^Restored: 2 jobs, .*; 1 unfinished ones go on.*\n1 files that the backup does not know/,
    );
    await start();
    expect(await api.job(done.job_id)).toMatchObject({
      state: done.state,
      totals: done.totals,
      end_offsets: done.end_offsets,
    });
    const again = await api.ended(underWay);
    expect(again).toMatchObject({ state: 'SUCCESS', totals: ended.totals, end_offsets: ended.end_offsets });
    await expectDelivered(brokers, again, ORDERS);

    // Every job, under a revision that is newer than any that was published.
    const isPublished = async (): Promise<boolean> => {
      const events = (await readTopic(brokers, `${service.topicPrefix}.jobs`)).map(({ key, value }) => ({
        id: key?.toString(),
        revision: (JSON.parse(value.toString() || '{}') as { revision?: number }).revision ?? 0,
      }));
      return [done.job_id, underWay].every((id) => events.some((event) => event.id === id && event.revision > JUMP));
    };
    for (const deadline = Date.now() + 60_000; !(await isPublished()); ) expect(Date.now()).toBeLessThan(deadline);

    // The job that the backup does not know has left its topics and its file.
    expect((await fetch(`${api.url}/jobs/${later.job_id}`)).status).toBe(404);
    await expectDelivered(brokers, later, FEW);
    const spool = join(dataDir, 'spool');
    const aside = (await readdir(spool)).filter((name) => name.startsWith('unknown-'));
    expect(await readdir(join(spool, aside[0] ?? ''))).toHaveLength(1);
    const { findings } = (await (await fetch(`${api.url}/diagnostics`)).json()) as {
      findings: { check: string; message: string }[];
    };
    expect(findings.find(({ check }) => check === 'topics_without_job')?.message).toContain(later.topics.data);
  });

  it('holds neither what was being created nor lets a feed take files again', async () => {
    await service.kill('SIGTERM');
    const database = new DatabaseSync(backup.file);
    database.exec(`
      UPDATE jobs SET phase = 'CREATING', phase_owner = 'gone', touched_at = 0 WHERE state = 'PARTIAL_SUCCESS';
      INSERT INTO spare_topics VALUES ('sparesp1', '${service.topicPrefix}', 'gone', '2026-11-20T09:15:00.000Z');
      INSERT INTO feeds (id, seq, hidden, definition, state, failures, next_look_at, revision, lease_until, created_at, updated_at)
        VALUES ('drops', 1, 0, '{}', 'ACTIVE', 0, 0, 1, 0, '2026-11-20T09:15:00.000Z', '2026-11-20T09:15:00.000Z');`);
    database.close();
    const restored = await restore(backup.file);
    expect(restored.stdout).toMatch(
      /^Restored: 1 jobs, .*\n1 feeds are paused, .*: drops\. See to that, then: batch feed resume ID/,
    );
    const after = new DatabaseSync(join(dataDir, 'batch.db'));
    const ask = (statement: string): unknown[] => after.prepare(statement).all();
    expect(ask("SELECT state, revision FROM feeds WHERE id = 'drops'")).toMatchObject([
      { state: 'PAUSED', revision: 1 + JUMP },
    ]);
    expect(ask('SELECT 1 FROM spare_topics UNION ALL SELECT 1 FROM uploads UNION ALL SELECT 1 FROM workers')).toEqual(
      [],
    );
    expect(ask('SELECT min(lease) >= 1048576 AS jumped, count(lease_owner) AS owners FROM jobs')).toMatchObject([
      { jumped: 1, owners: 0 },
    ]);
    after.close();
    await start();
  });

  it('is refused if it is none, and the database stays', async () => {
    await service.kill('SIGTERM');
    const file = join(folder, 'notes.txt');
    await writeFile(file, 'x'.repeat(10_000));
    for (const [args, words] of [
      [[file], `${file} is not a backup of this service\n`],
      [[join(folder, 'none.db')], `There is no file ${join(folder, 'none.db')}\n`],
      [[], 'Name the backup: node dist/main.js restore FILE\n'],
    ] as const) {
      expect(await restore(...args)).toEqual({ status: 1, stdout: '', stderr: words });
    }
    await start();
    expect((await fetch(`${api.url}/models/orders`)).status).toBe(200);
  });
});

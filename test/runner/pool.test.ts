import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { Metrics } from '../../src/observability/metrics/index.js';
import {
  type Assignment,
  type Outcome,
  type RunnerEvents,
  type RunnerLoss,
  RunnerPool,
} from '../../src/runner/index.js';
import { startObedientRunner } from '../kit/obedient-runners.js';

const SIZE = 2;

/** What the pool has told, as words. */
class Told implements RunnerEvents {
  readonly lines: string[] = [];

  async isLeaseCurrent(): Promise<boolean> {
    return true;
  }

  header(): void {}
  progress(): void {}
  committed(): void {}
  aborted(): void {}

  finished(jobId: string, lease: number, { kind }: Outcome): void {
    this.lines.push(`${jobId} ${kind} under ${lease}`);
  }

  runnerExited(jobId: string, lease: number, { detail }: RunnerLoss): void {
    this.lines.push(`${jobId} lost under ${lease}: ${detail}`);
  }
}

let told: Told;
let pool: RunnerPool;
let freed: string[];
/** Process ids of all runners that the pool has started, in order. */
let pids: number[];

beforeEach(async () => {
  told = new Told();
  freed = [];
  pids = [];
  pool = new RunnerPool({
    metrics: new Metrics({ version: 'test', role: 'all' }),
    host: told,
    startRunner: (events) => {
      const link = startObedientRunner(events);
      pids.push(link.pid!);
      return link;
    },
    log: pino({ level: 'silent' }),
    size: SIZE,
    maxRssBytes: 1e10,
    stalledMs: 60_000,
    errorsLog: null,
  });
  pool.onFree((intent) => freed.push(intent));
  pool.start();
  await until(() => pool.free('run') === SIZE);
});
afterEach(() => pool.stop(10_000));

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5);
}

function aJob(jobId: string, intent: Assignment['intent'] = 'run', lease = 1): Assignment {
  return { jobId, intent, lease, format: 'csv' } as unknown as Assignment;
}

describe('a pool of runners', () => {
  it('has as many places as runners that are up, and says when one is free', async () => {
    expect(freed).toEqual(['run', 'run']);
    expect(pool.assign(aJob('wait 1'))).toBe(true);
    expect(pool.assign(aJob('wait 2'))).toBe(true);
    expect(pool.free('run')).toBe(0);
    expect(pool.assign(aJob('wait 3'))).toBe(false);
    expect([...pool.running.keys()]).toEqual(['wait 1', 'wait 2']);
    pool.cancel('wait 1');
    await until(() => told.lines.length > 0);
    expect(told.lines).toEqual(['wait 1 reconciled under 1']);
    expect([freed.length, pool.free('run')]).toEqual([3, 1]);
    expect(pool.assign(aJob('finish 3', 'run', 7))).toBe(true);
    await until(() => told.lines.length > 1);
    expect(told.lines[1]).toBe('finish 3 reconciled under 7');
  });

  it('reconciles in one process more, which it starts for a job and lets go some time after the last', async () => {
    for (const jobId of ['wait 1', 'wait 2']) pool.assign(aJob(jobId));
    expect(pool.free('reconcile')).toBe(1);
    expect(pool.assign(aJob('finish 3', 'reconcile'))).toBe(true);
    expect([pool.free('reconcile'), pool.assign(aJob('finish 4', 'reconcile'))]).toEqual([0, false]);
    await until(() => told.lines.length > 0);
    expect(told.lines).toEqual(['finish 3 reconciled under 1']);
    expect(pool.assign(aJob('wait 4', 'reconcile'))).toBe(true);
    const pid = pool.running.get('wait 4')!;
    process.kill(pid, 'SIGKILL');
    await until(() => told.lines.length > 1);
    expect(told.lines[1]).toBe('wait 4 lost under 1: ended by SIGKILL');
    expect(pool.assign(aJob('finish 5', 'reconcile'))).toBe(true);
    await until(() => told.lines.length > 2);
    expect(told.lines[2]).toBe('finish 5 reconciled under 1');
    await until(() => !isAlive(pids.at(-1)!));
    expect(pool.free('reconcile')).toBe(1);
    expect([...pool.running.keys()]).toEqual(['wait 1', 'wait 2']);
  });

  it('replaces a runner that is lost, and says which job it had', async () => {
    pool.assign(aJob('exit 1', 'run', 3));
    await until(() => told.lines.length > 0);
    expect(told.lines).toEqual(['exit 1 lost under 3: exit status 1']);
    await until(() => pool.free('run') === SIZE);
    expect(pool.running.size).toBe(0);
  });

  it('kills a runner that is deaf to a cancel', async () => {
    pool.assign(aJob('hang'));
    pool.cancel('hang');
    await until(() => told.lines.length > 0);
    expect(told.lines).toEqual(['hang lost under 1: killed: it did not answer a cancel in time']);
  });

  it('takes nothing while it is being stopped, lets runners stop, and kills those that do not', async () => {
    pool.assign(aJob('wait'));
    pool.assign(aJob('hang'));
    pool.assign(aJob('wait too', 'reconcile'));
    await until(() => pool.running.has('wait too'));
    const stopped = pool.stop(500);
    expect([pool.free('run'), pool.free('reconcile'), pool.assign(aJob('finish'))]).toEqual([0, 0, false]);
    await stopped;
    expect(told.lines.sort()).toEqual([
      'hang lost under 1: killed: it did not stop in time',
      'wait stopped under 1',
      'wait too stopped under 1',
    ]);
  });

  it('does not wait for a runner that is not up when it is stopped', async () => {
    pool.assign(aJob('wait', 'reconcile'));
    await pool.stop(10_000);
    expect(told.lines).toEqual(['wait lost under 1: killed: it was not up when the service was stopped']);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

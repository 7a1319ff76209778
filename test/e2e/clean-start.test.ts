import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { freePort } from '../kit/ports.js';

const CSV = Buffer.from('id\n1\n2\n');
/** Only if docker answers, up.sh starts something that belongs to the whole machine. */
const hasDocker = spawnSync('docker', ['info'], { timeout: 5_000 }).status === 0;

let stackDir: string;
let env: Record<string, string | undefined>;

beforeEach(() => {
  stackDir = mkdtempSync(join(tmpdir(), 'batch-stack-'));
  env = { STACK_DIR: stackDir, KAFKA_TOPIC_PREFIX: `clean_${randomBytes(4).toString('hex')}` };
});
afterEach(() => {
  script('down.sh', '--clean');
  rmSync(stackDir, { recursive: true, force: true });
});

function script(name: string, ...args: string[]): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync('bash', [join('scripts', name), ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

/** At another port: connections to the service before it are still kept. */
async function up(): Promise<ReturnType<typeof script>> {
  env['PORT'] = String(await freePort());
  return script('up.sh');
}

/** Runs a job on the stack that is up, which knows of no other. */
async function runFirstJob(): Promise<void> {
  const url = /BATCH_API_URL=(\S+)/.exec(readFileSync(join(stackDir, '.run/env'), 'utf8'))?.[1] ?? '';
  const api = new Api(url);
  expect(await (await fetch(`${url}/jobs`)).json()).toEqual([]);
  await api.createModel('rows', { id: 'Int32' });
  const job = await api.ended((await api.createJob('rows', CSV)).job_id);
  expect(job).toMatchObject({ state: 'SUCCESS', totals: { rows: 2 } });
}

describe('after `down.sh --clean`', () => {
  (hasDocker ? it.skip : it)('the next start begins anew with its own broker', async () => {
    for (let start = 1; start <= 2; start++) {
      expect(await up()).toMatchObject({ status: 0 });
      await runFirstJob();
      expect(script('down.sh', '--clean')).toMatchObject({ status: 0 });
    }
  });

  it("the next start with the user's broker says that the prefix has to be adopted, and then begins anew", async () => {
    env['KAFKA_BROKERS'] = process.env['E2E_KAFKA_BROKERS'];
    expect(await up()).toMatchObject({ status: 0 });
    await runFirstJob();
    expect(script('down.sh', '--clean')).toMatchObject({ status: 0 });
    expect(await up()).toMatchObject({
      status: 1,
      said: expect.stringMatching(/belongs to installation \w+.*KAFKA_TOPIC_PREFIX.*KAFKA_ADOPT_PREFIX=true/),
    });
    env['KAFKA_ADOPT_PREFIX'] = 'true';
    expect(await up()).toMatchObject({ status: 0 });
    await runFirstJob();
  });
});

import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Api } from '../kit/api.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

let service: Service;
let api: Api;

beforeAll(async () => {
  service = await startService({ brokers });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(() => service.stop());

async function restart(between: () => Promise<void>): Promise<void> {
  await service.kill('SIGTERM');
  await between();
  service = await startService({ brokers, dataDir: service.dataDir });
  api.url = service.url;
}

describe('an uploaded file', () => {
  it('is still there when the database is lost, and so is what others keep beside it', async () => {
    const orders = makeOrders(20, 2);
    const { job_id } = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    const spool = join(service.dataDir, 'spool');
    expect(await readFile(join(spool, job_id))).toEqual(orders.csv);
    await restart(async () => {
      const files = await readdir(service.dataDir);
      for (const name of files.filter((each) => each !== 'spool')) await rm(join(service.dataDir, name));
      await mkdir(join(spool, 'lost+found'), { mode: 0o700 });
      await writeFile(join(spool, 'notes.txt'), 'mine');
    });
    expect((await fetch(`${service.url}/jobs/${job_id}`)).status).toBe(404);
    expect(await readFile(join(spool, 'orphans', job_id))).toEqual(orders.csv);
    expect(await readFile(join(spool, 'notes.txt'), 'utf8')).toBe('mine');
    await access(join(spool, 'lost+found'));
    const said = service
      .log()
      .split('\n')
      .filter((line) => line.includes('no job knows this file'));
    expect(said.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 'warn', job_id, file: join(spool, 'orphans', job_id), keep_hours: 24 },
    ]);
  });
});

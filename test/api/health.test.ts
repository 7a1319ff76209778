import { mkdir, rename } from 'node:fs/promises';
import { HealthDetails } from '../../src/api/health/index.js';
import { FILE_STORE, type LocalFileStore } from '../../src/storage/index.js';
import { violations } from '../openapi/document.js';
import { call } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

describe('GET /readyz', () => {
  let server: TestApp;
  let trouble: string | null = null;

  beforeAll(async () => {
    server = await startTestApp();
    server.app.get(HealthDetails).add('sample', () => trouble);
    server.app.get(HealthDetails).add('broken', () => {
      if (trouble === 'throw') throw new Error('no clock');
      return null;
    });
  });
  beforeEach(() => {
    trouble = null;
    server.kafka.up = true;
  });
  afterAll(() => server.close());

  it('shows what is degraded, and stays 200', async () => {
    const before = await call(server, '/readyz');
    expect(Object.keys(before.body.details)).toEqual(['kafka', 'store', 'storage', 'disk']);
    trouble = 'stuck for 2 min';
    const { status, body } = await call(server, '/readyz');
    expect([status, body.status]).toEqual([200, 'ok']);
    const up = expect.objectContaining({ status: 'up' });
    expect(body.details).toEqual({
      kafka: up,
      store: up,
      storage: up,
      disk: up,
      sample: { status: 'degraded', message: 'stuck for 2 min' },
    });
    expect(body.info).not.toHaveProperty('sample');
    expect(violations('/components/schemas/Readiness', body)).toEqual([]);
  });

  it('shows what is degraded beside what is down', async () => {
    trouble = 'stuck';
    server.kafka.up = false;
    const { status, body } = await call(server, '/readyz');
    expect(status).toBe(503);
    expect(body.details).toMatchObject({ kafka: { status: 'down' }, sample: { status: 'degraded' } });
  });

  it('calls degraded what cannot be told', async () => {
    trouble = 'throw';
    const { status, body } = await call(server, '/readyz');
    expect([status, body.details.broken]).toEqual([200, { status: 'degraded', message: 'cannot be told: no clock' }]);
  });

  it('is 503 while a need of uploads is not met', async () => {
    let need: string | null = 'the topic prefix is not claimed';
    server.app.get(HealthDetails).addNeed('topic_prefix', () => need);
    const { status, body } = await call(server, '/readyz');
    expect([status, body.status]).toEqual([503, 'error']);
    expect(body.error).toEqual({ topic_prefix: { status: 'down', message: need } });
    expect(body.details).toMatchObject({ kafka: { status: 'up' }, topic_prefix: { status: 'down' } });
    expect(violations('/components/schemas/Readiness', body)).toEqual([]);
    need = null;
    expect((await call(server, '/readyz')).status).toBe(200);
  });

  it('is 503 while no file can be made in the spool', async () => {
    const { folder } = server.app.get<LocalFileStore>(FILE_STORE);
    await rename(folder, `${folder}.away`);
    try {
      const { status, body } = await call(server, '/readyz');
      expect([status, body.details.storage.status]).toEqual([503, 'down']);
      expect(body.details.storage.message).toContain('ENOENT');
    } finally {
      await mkdir(folder, { recursive: true });
    }
    expect((await call(server, '/readyz')).status).toBe(200);
    expect(await server.spooled()).toEqual([]);
  });
});

it('lets no two parts take the same name', () => {
  const details = new HealthDetails();
  details.add('clock', () => null);
  expect(() => details.add('clock', () => null)).toThrow('added twice');
});

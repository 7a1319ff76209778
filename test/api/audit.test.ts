import { Writable } from 'node:stream';
import { pino } from 'pino';
import { ApiKeys } from '../../src/auth/index.js';
import { call, post, upload } from './support/requests.js';
import { startTestApp, type TestApp } from './support/test-app.js';

const SECRET = 'a value of a row';
const lines: Record<string, unknown>[] = [];
let everything = '';
const stream = new Writable({
  write(chunk: Buffer, _encoding, done) {
    everything += chunk.toString();
    for (const line of chunk.toString().trimEnd().split('\n')) lines.push(JSON.parse(line));
    done();
  },
});

let server: TestApp;
let key: string;
let reader: string;

beforeAll(async () => {
  // The level that hides the most and is not silent.
  server = await startTestApp({ AUTH: 'keys' }, pino({ level: 'fatal' }, stream));
  const keys = server.app.get(ApiKeys);
  key = (await keys.create({ name: 'admin', scope: 'admin' }, null)).key;
  reader = (await keys.create({ name: 'reader', scope: 'read' }, null)).key;
});
afterAll(() => server.close());
beforeEach(() => lines.splice(0));

const as = (of: string): Record<string, string> => ({ authorization: `Bearer ${of}` });

/** What was audited, in short; it is written when the answer is over. */
async function audited(count: number): Promise<unknown[]> {
  for (const deadline = Date.now() + 10_000; lines.length < count && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return lines.map(({ actor, action, resource, status }) => [actor, action, resource, status]);
}

describe('the audit log', () => {
  it('says who has done what to which resource, and no values', async () => {
    const model = { id: 'orders', name: SECRET, schema: { id: 'String' } };
    const json = { 'content-type': 'application/json' };
    await call(server, '/models', { method: 'POST', headers: { ...as(key), ...json }, body: JSON.stringify(model) });
    const fields: [string, string][] = [
      ['model_id', 'orders'],
      ['metadata.note', SECRET],
    ];
    const { body: job } = await upload(server, { fields, file: `id\n${SECRET}\n`, filename: SECRET, headers: as(key) });
    expect(job.owner).toBe('admin');
    await call(server, `/jobs/${job.job_id}?purge=false&note=x`, { method: 'DELETE', headers: as(key) });
    await call(server, `/jobs/${job.job_id}/rejected`, { headers: as(reader) });
    expect(await audited(4)).toEqual([
      ['admin', 'POST /models', '/models/orders', 201],
      ['admin', 'POST /jobs', `/jobs/${job.job_id}`, 202],
      ['admin', 'DELETE /jobs/:id', `/jobs/${job.job_id}`, 400],
      ['reader', 'GET /jobs/:id/rejected', `/jobs/${job.job_id}/rejected`, expect.any(Number)],
    ]);
    expect(lines[0]).toMatchObject({
      log: 'audit',
      msg: 'audit',
      key_id: key.slice(6, 14),
      address: '127.0.0.1',
      request_id: expect.any(String),
    });
    expect(everything).not.toContain(SECRET);
  });

  it('says who was refused, and has nothing of what only reads', async () => {
    await call(server, '/jobs', { headers: as(key) });
    await call(server, '/jobs');
    await call(server, `/${'x'.repeat(1000)}`);
    await call(server, '/keys', { headers: as(reader) });
    expect(await audited(3)).toEqual([
      [null, 'GET /jobs', '/jobs', 401],
      [null, 'GET *', `/${'x'.repeat(199)}`, 401],
      ['reader', 'GET /keys', '/keys', 403],
    ]);
  });

  it('has no key, whatever a request does with it', async () => {
    await call(server, `/jobs?key=${key}`);
    await call(server, '/keys', { headers: { ...as(`${key}x`), cookie: key } });
    await post(server, '/models', { key });
    const made = await call(server, '/keys', {
      method: 'POST',
      headers: { ...as(key), 'content-type': 'application/json' },
      body: '{"name":"new","scope":"read"}',
    });
    await audited(4);
    for (const one of [key, reader, made.body.key as string]) expect(everything).not.toContain(one.slice(15));
  });
});

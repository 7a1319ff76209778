import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
const CSV = 'id,qty\n1,2\n3,4\n';
const EXIT_BEFORE_REPLY = fileURLToPath(new URL('../kit/exit-before-reply.mjs', import.meta.url));

describe('many files whose schemas are inferred at once', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ brokers });
  });

  afterAll(() => service.stop());

  async function infer(): Promise<unknown> {
    const form = new FormData();
    form.set('file', new Blob([CSV]), 'rows.csv');
    const response = await fetch(`${service.url}/models/infer`, { method: 'POST', body: form });
    const { columns, error } = (await response.json()) as { columns?: unknown[]; error?: string };
    return { status: response.status, columns: columns?.length, error };
  }

  it('are read, or refused as SERVICE_BUSY', async () => {
    const answers = await Promise.all(Array.from({ length: 300 }, infer));
    const done = { status: 200, columns: 2, error: undefined };
    const busy = { status: 503, columns: undefined, error: 'SERVICE_BUSY' };
    expect(answers).toContainEqual(done);
    for (const answer of answers) expect([done, busy]).toContainEqual(answer);
  });
});

it('takes what a process said last, though its exit is known first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batch-inferred-'));
  try {
    const file = join(folder, 'rows.csv');
    await writeFile(file, CSV);
    const { stdout } = await promisify(execFile)(process.execPath, [EXIT_BEFORE_REPLY, file]);
    expect(JSON.parse(stdout)).toEqual(['csv', 'csv']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

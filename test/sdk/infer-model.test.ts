import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBatchClient, type InferUpload } from 'batch-ingest-sdk';
import { answer, answerProblem, contract } from './contract.js';
import { readBody, startServer, type TestServer } from './http-server.js';

const MiB = 1024 ** 2;
const inferred = contract.components.examples.InferredOrders.value;
const folders: string[] = [];
let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** What the service gets of an upload; it is busy at first. */
async function sent(upload: InferUpload): Promise<{ options: Record<string, string>; file: Buffer; filename: string }> {
  const bodies: { type: string; body: Buffer }[] = [];
  server = await startServer(async (request, response) => {
    bodies.push({ type: String(request.headers['content-type']), body: await readBody(request) });
    if (bodies.length === 1) answerProblem(response, 'SERVICE_BUSY', { 'retry-after': '0' });
    else answer(response, 200, inferred);
  });
  const client = createBatchClient({ baseUrl: server.url, retry: { baseDelayMs: 1, maxDelayMs: 1 } });
  expect(await client.inferModel(upload)).toEqual(inferred);
  expect(bodies).toHaveLength(2);
  const { type, body } = bodies[1]!;
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const file = form.get('file') as File;
  form.delete('file');
  return {
    options: Object.fromEntries([...form].map(([name, value]) => [name, value as string])),
    file: Buffer.from(await file.arrayBuffer()),
    filename: file.name,
  };
}

it('sends a file whole, with its options, and again where the service is busy', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batch-sdk-'));
  folders.push(folder);
  await writeFile(join(folder, 'orders.csv'), 'id\n1\n');
  const upload = { delimiter: ';', header: false, nullValues: ['NULL', '-'], sampleRows: 5, format: 'csv' as const };
  const { options, file, filename } = await sent({ file: join(folder, 'orders.csv'), ...upload });
  expect([file.toString(), filename]).toEqual(['id\n1\n', 'orders.csv']);
  expect(options).toEqual({ delimiter: ';', format: 'csv', header: 'false', null_values: 'NULL,-', sample_rows: '5' });
});

it('sends no more than the beginning of a large one, and says so', async () => {
  let taken = 0;
  async function* endless() {
    for (;;) {
      taken += MiB;
      yield Buffer.alloc(MiB, 'x');
    }
  }
  const { options, file } = await sent({ file: endless() });
  expect([file.length, options['partial'], taken]).toEqual([8 * MiB, 'true', 9 * MiB]);
});

it('says nothing of a file that is just as large', async () => {
  const { options, file } = await sent({
    file: (async function* () {
      yield Buffer.alloc(8 * MiB, 'x');
    })(),
  });
  expect([file.length, options]).toEqual([8 * MiB, {}]);
});

describe('a large Parquet file', () => {
  const parquet = Buffer.alloc(9 * MiB, 'x');
  parquet.write('PAR1');

  it('is sent whole from a path', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'batch-sdk-'));
    folders.push(folder);
    await writeFile(join(folder, 'orders.parquet'), parquet);
    const { options, file, filename } = await sent({ file: join(folder, 'orders.parquet') });
    expect([file.equals(parquet), filename, options]).toEqual([true, 'orders.parquet', {}]);
  });

  it('is sent whole from a stream', async () => {
    async function* pieces() {
      for (let at = 0; at < parquet.length; at += MiB) yield parquet.subarray(at, at + MiB);
    }
    const { options, file } = await sent({ file: pieces() });
    expect([file.equals(parquet), options]).toEqual([true, {}]);
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { loadContract } from '../../src/api/docs/api-docs.js';
import { pageDocument } from '../../src/api/docs/api-page.js';
import { mountHelp } from '../../src/api/docs/help.js';
import { errorsPage } from '../../src/api/problems/errors-page.js';

let parent: string;
const server = fastify();

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'batch-help-'));
  await mkdir(join(parent, 'help/reference'), { recursive: true });
  await writeFile(join(parent, 'secret.txt'), 'not of the documentation');
  await writeFile(join(parent, 'help/index.html'), '<h1>Batch</h1>');
  await writeFile(join(parent, 'help/reference/jobs.html'), '<h1>Jobs</h1>');
  await writeFile(join(parent, 'help/reference/jobs.md'), '# Jobs – and more\n');
  mountHelp(server, join(parent, 'help'));
});
afterAll(async () => {
  await server.close();
  await rm(parent, { recursive: true });
});

const get = (url: string) => server.inject({ method: 'GET', url });

it('serves pages, as HTML and as Markdown', async () => {
  const redirect = await get('/help');
  expect([redirect.statusCode, redirect.headers.location]).toEqual([302, '/help/']);
  for (const [path, type, body] of [
    ['/help/', 'text/html; charset=utf-8', '<h1>Batch</h1>'],
    ['/help/reference/jobs.html', 'text/html; charset=utf-8', '<h1>Jobs</h1>'],
    ['/help/reference/jobs.md', 'text/markdown; charset=utf-8', '# Jobs – and more\n'],
  ] as const) {
    const response = await get(path);
    expect([path, response.statusCode, response.headers['content-type'], response.body]).toEqual([
      ...[path, 200, type, body],
    ]);
  }
});

it.each(['/help/nope.html', '/help/../secret.txt', '/help/..%2fsecret.txt', '/help/%2e%2e/secret.txt', '/helpx'])(
  'has nothing at %s',
  async (path) => {
    const { statusCode, body } = await get(path);
    expect([403, 404]).toContain(statusCode);
    expect(body).not.toContain('not of the documentation');
  },
);

it('leaves the service as it is if the documentation was not built', async () => {
  const without = fastify();
  expect(mountHelp(without, join(parent, 'not-there'))).toBe(false);
  expect((await without.inject({ method: 'GET', url: '/help/' })).statusCode).toBe(404);
  await without.close();
});

it('is linked to from the page of the API and from that of the errors, if it is there', () => {
  expect(pageDocument(loadContract(), true).info.description).toContain('(/help/)');
  expect(errorsPage(true)).toContain('href="/help/"');
  expect(pageDocument(loadContract(), false).info.description).not.toContain('/help');
  expect(errorsPage(false)).not.toContain('/help');
});

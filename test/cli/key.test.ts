import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer, answerProblem, contract } from '../sdk/contract.js';
import { Bundle, type Result, type RunOptions } from './support/bundle.js';
import { onPseudoTerminal } from './support/pseudo-terminal.js';
import { Service } from './support/service.js';

const known = contract.components.examples.KeyOrders.value;
const made = contract.components.examples.NewKeyOrders.value;
const revoked = contract.components.examples.KeyRevoked.value;
const KEY = made.key as string;

let bundle: Bundle;
let service: Service;
let config: string;
beforeAll(async () => {
  bundle = await Bundle.build();
});
afterAll(() => bundle.remove());
beforeEach(async () => {
  service = await Service.start();
  service.routes['GET /keys/current'] = (response) => answer(response, 200, known);
  service.routes['GET /models'] = (response) => answer(response, 200, []);
  config = await mkdtemp(join(tmpdir(), 'batch-config-'));
});
afterEach(async () => {
  await service.close();
  await rm(config, { recursive: true });
});

function batch(command: string, options: RunOptions = {}): Promise<Result> {
  return bundle.run(command.split(' '), { ...options, env: { XDG_CONFIG_HOME: config, ...options.env } });
}

const profiles = (): string => join(config, 'batch', 'profiles.json');
const sentKey = (): string | undefined => service.seen.at(-1)?.headers.authorization;
const login = (more = '', input = `${KEY}\n`): Promise<Result> =>
  batch(`login --api-url ${service.url}${more}`, { input });

describe('batch login', () => {
  it('checks the key, and stores it for its owner alone', async () => {
    const { code, stdout, stderr } = await login();
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({ profile: 'default', api_url: service.url, file: profiles(), key: known });
    expect(sentKey()).toBe(`Bearer ${KEY}`);
    expect((await stat(profiles())).mode & 0o777).toBe(0o600);
    expect((await stat(join(config, 'batch'))).mode & 0o777).toBe(0o700);
    expect(stdout).not.toContain(KEY);
    expect((await batch('model list')).code).toBe(0);
    expect(sentKey()).toBe(`Bearer ${KEY}`);
  });

  it('stores nothing that the service does not take', async () => {
    service.routes['GET /keys/current'] = (response) => answerProblem(response, 'UNAUTHENTICATED');
    const refused = await login();
    expect([refused.code, JSON.parse(refused.stderr).error]).toEqual([1, 'UNAUTHENTICATED']);
    for (const input of ['', 'secret', 'batch_a b']) {
      const { code, stderr } = await login('', input);
      expect([code, JSON.parse(stderr).error]).toEqual([64, 'USAGE']);
    }
    await expect(stat(profiles())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('shows nothing of what is typed on a terminal', async () => {
    const command = [process.execPath, bundle.path('bin/batch'), 'login', '--api-url', service.url];
    const { code, text } = await onPseudoTerminal(command, { XDG_CONFIG_HOME: config }, { typed: `${KEY}\r` });
    expect([code, text]).toEqual([0, expect.stringContaining('logged in to')]);
    // The terminal itself shows what came before it was told not to.
    expect(JSON.parse(await readFile(profiles(), 'utf8')).profiles.default.api_key).toBe(KEY);
  });

  it('keeps services apart by profiles, of which the last one is current', async () => {
    await login(' --profile one');
    const other = `${KEY.slice(0, -1)}x`;
    await login(' --profile two', other);
    await batch('model list');
    expect(sentKey()).toBe(`Bearer ${other}`);
    await batch('model list --profile one');
    expect(sentKey()).toBe(`Bearer ${KEY}`);
    await batch('model list', { env: { BATCH_PROFILE: 'one' } });
    expect(sentKey()).toBe(`Bearer ${KEY}`);
    await batch('model list', { env: { BATCH_API_KEY: 'batch_other' } });
    expect(sentKey()).toBe('Bearer batch_other');
    const none = await batch('model list --profile three --output table');
    expect(none).toMatchObject({ code: 64, stderr: expect.stringContaining('batch login --profile three') });
    expect((await batch('login --profile a/b', { input: KEY })).code).toBe(64);
  });

  it('sends a key to the service that it is for, and to no other', async () => {
    await login();
    const other = await Service.start();
    try {
      other.routes['GET /models'] = (response) => answer(response, 200, []);
      await batch(`model list --api-url ${other.url}`);
      await batch('model list', { env: { BATCH_API_URL: other.url } });
      expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
      await batch('model list', { env: { BATCH_API_URL: `${service.url}/` } });
      expect(sentKey()).toBe(`Bearer ${KEY}`);
    } finally {
      await other.close();
    }
  });

  it('does not use a file that others may read, or that is none', async () => {
    await login();
    await chmod(profiles(), 0o644);
    const open = await batch('model list --output table');
    expect(open).toMatchObject({ code: 1, stderr: expect.stringContaining(`chmod 600 ${profiles()}`) });
    await chmod(profiles(), 0o600);
    await writeFile(profiles(), '{"profiles":{"a":{}}}');
    expect((await batch('model list')).stderr).toContain('PROFILES_BROKEN');
    await rm(join(config, 'batch'), { recursive: true });
    await mkdir(join(config, 'batch'));
    expect((await batch(`model list --api-url ${service.url}`)).code).toBe(0);
  });

  it('is undone by batch logout', async () => {
    await login(' --profile one');
    expect(await batch('logout')).toMatchObject({ code: 0, stdout: expect.stringContaining('one') });
    expect(await readFile(profiles(), 'utf8')).not.toContain('batch_');
    expect((await batch('logout')).code).toBe(64);
  });

  it('has no key in an error that it could not be sent with', async () => {
    const { code, stderr } = await batch(`model list --api-url ${service.url}`, { env: { BATCH_API_KEY: 'batch_ä' } });
    expect([code, stderr]).toEqual([64, expect.not.stringContaining('ä')]);
  });
});

describe('batch key', () => {
  const on = (command: string): Promise<Result> => batch(command, { env: { BATCH_API_URL: service.url } });

  it('creates a key, and shows it this once', async () => {
    service.routes['POST /keys'] = (response) => answer(response, 201, made);
    expect(
      JSON.parse((await on('key create orders-loader --models orders --expires 2027-11-20T09:00:00Z')).stdout),
    ).toEqual(made);
    const body = { name: 'orders-loader', scope: 'write', models: ['orders'], expires_at: '2027-11-20T09:00:00Z' };
    expect(JSON.parse(service.seen.at(-1)?.body ?? '')).toEqual(body);
    expect((await on('key create ops --scope admin --expires 90d --output table')).stdout).toContain(KEY);
    const { scope, models, expires_at: at } = JSON.parse(service.seen.at(-1)?.body ?? '');
    expect([scope, models]).toEqual(['admin', null]);
    expect(Math.abs(Date.parse(at) - Date.now() - 90 * 86_400_000)).toBeLessThan(600_000);
    for (const wrong of ['--scope root', '--expires soon']) expect((await on(`key create a ${wrong}`)).code).toBe(64);
  });

  it('lists, shows and revokes keys', async () => {
    service.routes['GET /keys'] = (response) => answer(response, 200, [known, revoked]);
    service.routes['DELETE /keys/k3f9x0ab'] = (response) => answer(response, 200, revoked);
    expect(JSON.parse((await on('key list')).stdout)).toEqual([known, revoked]);
    const [title, first, second] = (await on('key list --output table')).stdout.split('\n');
    expect(title).toMatch(/^ID +NAME +SCOPE +MODELS +STATE +EXPIRES/);
    expect([first, second]).toEqual([expect.stringMatching(/VALID|EXPIRED/), expect.stringContaining('REVOKED')]);
    expect(JSON.parse((await on('key current')).stdout)).toEqual(known);
    expect(JSON.parse((await on('key revoke k3f9x0ab')).stdout)).toEqual(revoked);
  });

  it('says what to do without one', async () => {
    service.routes['GET /models'] = (response) => answerProblem(response, 'UNAUTHENTICATED');
    const { code, stderr } = await on('model list --output table');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/`batch login`, or set BATCH_API_KEY.*`batch key create NAME`/s),
    ]);
  });
});

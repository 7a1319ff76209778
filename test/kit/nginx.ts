import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { spawnOwned } from './owned-process.js';
import { freePort } from './ports.js';

export const NGINX_CONF = 'deploy/nginx/nginx.conf';

/** Debian's is where only root looks. */
const env = { ...process.env, PATH: `${process.env['PATH']}${delimiter}/usr/sbin` };

/** There is an nginx; otherwise its tests are skipped. */
export const hasNginx = spawnSync('nginx', ['-v'], { env }).status === 0;

/** The configuration of this project at work before other APIs. */
export interface Nginx {
  readonly url: string;
  /** What it says while it runs. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts it before APIs at these `host:port`. */
export async function startNginx(apis: readonly string[]): Promise<Nginx> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-nginx-'));
  const port = await freePort();
  const [path, pid] = [join(dir, 'nginx.conf'), join(dir, 'nginx.pid')];
  // Debian's own folders are root's.
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (each) => `${each}_temp_path ${dir}/${each};`,
  );
  const conf = (await readFile(NGINX_CONF, 'utf8'))
    .replace(/ +resolver .*\n/, `access_log off; ${temporary.join(' ')}\n`)
    .replace(/server \S+ resolve (.*;)/, (_, settings) => apis.map((api) => `server ${api} ${settings}`).join('\n'))
    .replace(/listen \d+;/, `listen 127.0.0.1:${port};`);
  await writeFile(path, conf);
  const args = ['-e', 'stderr', '-p', dir, '-c', path];
  const more = `daemon off; pid ${pid}; error_log stderr info;`;
  const server = spawnOwned('nginx', [...args, '-g', more], env);
  const url = `http://127.0.0.1:${port}`;
  await server.until('it answered', 30_000, () =>
    fetch(url).then(
      () => true as const,
      () => undefined,
    ),
  );
  return {
    url,
    log: () => server.output(),
    async stop() {
      await server.stop(5_000);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

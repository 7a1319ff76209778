import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'yaml';

interface ComposeService {
  image: string;
  ports?: string[];
  read_only?: boolean;
  environment?: Record<string, string>;
}

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, ComposeService>;
};
const instructions = readFileSync('Dockerfile', 'utf8')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter(Boolean);
const from = instructions.map((line) => /^FROM (\S+) AS (\S+)$/.exec(line));
const stageNames = from.flatMap((match) => match?.[2] ?? []);

/** The instructions of one stage, its FROM left out. */
function stage(name: string): string[] {
  const start = from.findIndex((match) => match?.[2] === name);
  const end = from.findIndex((match, i) => i > start && match !== null);
  return instructions.slice(start + 1, end < 0 ? undefined : end);
}

/** The host in an image's name; undefined if the engine's default applies. */
function registryHost(image: string): string | undefined {
  const first = image.includes('/') ? image.split('/')[0] : undefined;
  return first !== undefined && /[.:]|^localhost$/.test(first) ? first : undefined;
}

/** The last of several USER or CMD instructions is the one that counts. */
const last = (name: string, word: string) => stage(name).findLast((line) => line.startsWith(`${word} `));

describe('the images', () => {
  it('are the service, built when no target is named, and the command line', () => {
    expect(stageNames).toEqual(['build', 'cli', 'api']);
  });

  it.each(['cli', 'api'])('run %s as user 10001', (name) => {
    expect(last(name, 'USER')).toBe('USER 10001:10001');
  });

  it("keep the service's data in a volume that its user owns, and listen on every address of the container", () => {
    const environment = Object.fromEntries(
      (last('api', 'ENV') ?? '')
        .split(' ')
        .slice(1)
        .map((pair) => pair.split('=')),
    );
    expect(environment).toMatchObject({ HOST: '0.0.0.0', DATA_DIR: '/data', NODE_ENV: 'production' });
    expect(last('api', 'VOLUME')).toBe(`VOLUME ${environment.DATA_DIR}`);
    expect(last('api', 'RUN')).toMatch(/install --directory --owner=10001 --group=10001 --mode=0750 \/data$/);
  });

  it('stop the service with the signal it listens to', () => {
    expect(last('api', 'STOPSIGNAL')).toBe('STOPSIGNAL SIGTERM');
  });

  it('have no development packages', () => {
    const build = stage('build');
    expect(build.at(-1)).toContain('npm prune --omit=dev');
    expect(stage('cli').join()).not.toContain('node_modules');
  });

  it('come from no registry in particular', () => {
    const images = [
      ...from.flatMap((match) => match?.[1] ?? []),
      ...Object.values(compose.services).map((s) => s.image),
    ];
    expect(images.length).toBeGreaterThan(5);
    for (const image of images) expect([image, registryHost(image)]).toEqual([image, undefined]);
  });
});

describe("the health check of the service's image", () => {
  const [program, ...args] = JSON.parse(
    /CMD (\[.*\])$/.exec(last('api', 'HEALTHCHECK') ?? '')?.[1] ?? '[]',
  ) as string[];
  let server: Server;
  let answer: number;

  beforeAll(async () => {
    server = createServer((request, response) => response.writeHead(request.url === '/healthz' ? answer : 404).end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => void server.close());

  const port = (): string => String((server.address() as AddressInfo).port);

  async function check(env: Record<string, string> = { PORT: port() }): Promise<number | null> {
    expect(program).toBe('node');
    const child = spawn(process.execPath, args, { env });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }

  it('passes while the service answers at /healthz', async () => {
    answer = 200;
    expect(await check()).toBe(0);
  });

  it('asks a worker at its own port', async () => {
    answer = 200;
    expect(await check({ ROLE: 'worker', METRICS_PORT: port(), PORT: '1' })).toBe(0);
  });

  it('fails when it answers otherwise', async () => {
    answer = 503;
    expect(await check()).toBe(1);
  });
});

describe('docker-compose.yml', () => {
  const ports = Object.entries(compose.services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));

  it('publishes broker, console, service, databases to load rows into, monitoring, and nginx before several services', () => {
    const single = ['redpanda', 'console', 'api', 'clickhouse', 'warehouse'];
    expect(ports.map(([name]) => name)).toEqual([...single, 'prometheus', 'alertmanager', 'grafana', 'nginx']);
  });

  it.each(ports)('publishes %s on the loopback interface only (%s)', (_name, port) => {
    expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it.each(['api', 'cli'])('runs %s on a read-only file system', (name) => {
    expect(compose.services[name]?.read_only).toBe(true);
  });

  it('lets the service write where it has to, and tells it of the broker', () => {
    expect(compose.services['api']).toMatchObject({
      tmpfs: ['/tmp'],
      volumes: ['data:/data'],
      environment: { KAFKA_BROKERS: 'redpanda:29092' },
      depends_on: { redpanda: { condition: 'service_healthy' } },
    });
  });
});

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type Config, loadConfig } from '../../src/config/index.js';
import { NGINX_CONF } from '../kit/nginx.js';

interface ComposeService {
  profiles?: string[];
  image: string;
  build?: { context: string; target: string };
  command?: string[];
  environment: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  deploy?: { replicas: number };
  read_only?: boolean;
  cap_drop?: string[];
  stop_grace_period?: string;
  restart?: string;
}

const { services, volumes } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, null>;
};
const PROCESSES = ['migrate', 'apis', 'workers'];
const named = (name: string): ComposeService => services[name] as ComposeService;
/** With the defaults of Compose's own variables. */
const envOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(named(name).environment).map(([key, value]) => [key, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]),
  );
const configOf = (name: string): Config => loadConfig(envOf(name));

describe("docker-compose.yml's profile `cluster`", () => {
  const inProfile = Object.keys(services).filter((name) => named(name).profiles?.includes('cluster'));

  it('leaves what is started without it alone', () => {
    expect(Object.keys(services).filter((name) => named(name).profiles === undefined)).toEqual([
      'redpanda',
      'console',
      'api',
    ]);
    for (const name of ['redpanda', 'console', 'api'])
      for (const other of Object.keys(named(name).depends_on ?? {})) expect(inProfile).not.toContain(other);
  });

  it('has two APIs and three workers, one nginx before the APIs, and one migration', () => {
    expect(inProfile).toEqual(['nginx', 'apis', 'workers', 'migrate', 'postgres', 'valkey', 's3']);
    expect(inProfile.map((name) => named(name).deploy?.replicas ?? 1)).toEqual([1, 2, 3, 1, 1, 1, 1]);
  });

  it('names versions of all images that are not built here', () => {
    for (const name of inProfile.filter((each) => !PROCESSES.includes(each)))
      expect([name, named(name).image]).toEqual([name, expect.stringMatching(/:\$\{[A-Z]+_VERSION:-v?\d+\.\d+.*\}/)]);
  });

  it.each(PROCESSES)('gives %s settings that the service knows', (name) => {
    const asked = new Set<string>();
    const env = envOf(name);
    loadConfig(
      new Proxy(env, {
        get: (target: Record<string, string>, key) => {
          asked.add(String(key));
          return target[String(key)];
        },
      }),
    );
    const unknown = Object.keys(env).filter((key) => !asked.has(key));
    // These are read by the AWS SDK.
    expect(unknown.sort()).toEqual(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']);
  });

  it('has the image of the service do its part, restricted, with the time that it needs to stop', () => {
    expect(configOf('apis').role).toBe('api');
    expect(configOf('workers').role).toBe('worker');
    expect(named('migrate')).toMatchObject({ command: ['node', 'dist/main.js', 'migrate'], restart: 'no' });
    for (const name of PROCESSES) {
      const { image, build } = named('api');
      expect(named(name)).toMatchObject({ image, build, read_only: true, cap_drop: ['ALL'], stop_grace_period: '30s' });
      expect(configOf(name)).toMatchObject({ migrate: 'off' });
    }
  });

  it('has servers where the settings say, with those credentials, and waits for them and for the migration', () => {
    const { database, queueUrl, storage, kafka } = configOf('workers');
    const { POSTGRES_USER, POSTGRES_PASSWORD } = named('postgres').environment;
    expect(database).toMatchObject({ url: `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres/batch` });
    expect(queueUrl).toBe('redis://valkey');
    expect(named('valkey').command?.join(' ')).toContain('--appendonly yes --maxmemory-policy noeviction');
    expect(kafka).toMatchObject({ brokers: ['redpanda:29092'], topicPrefix: 'batch_cluster' });
    expect(storage).toMatchObject({ bucket: 'uploads', endpoint: 'http://s3:9000', isPathStyle: true });
    expect(JSON.stringify(named('s3'))).toMatch(/mkdir -p \/data\/uploads .*--port=:9000.*"posix","\/data"/);
    expect(named('s3').environment).toEqual({
      ROOT_ACCESS_KEY: envOf('workers')['AWS_ACCESS_KEY_ID'],
      ROOT_SECRET_KEY: envOf('workers')['AWS_SECRET_ACCESS_KEY'],
    });
    const servers = ['redpanda', 'postgres', 'valkey', 's3'];
    const healthy = { condition: 'service_healthy' };
    for (const name of servers) expect(named(name).healthcheck?.test[0]).toMatch(/^CMD/);
    for (const name of ['apis', 'workers']) {
      expect(named(name).depends_on).toEqual({
        ...Object.fromEntries(servers.map((server) => [server, healthy])),
        migrate: { condition: 'service_completed_successfully' },
      });
    }
    expect(named('migrate').depends_on).toEqual({ postgres: healthy });
    expect(named('nginx').depends_on).toEqual({ apis: healthy });
  });

  it('keeps all data in volumes', () => {
    const used = inProfile.flatMap((name) => named(name).volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
    expect(used.filter((name) => !name.startsWith('./'))).toEqual(['postgres', 'valkey', 's3']);
    expect(Object.keys(volumes)).toEqual(expect.arrayContaining(['postgres', 'valkey', 's3']));
  });

  it('has nginx pass requests to the APIs, under a name that they serve', () => {
    const conf = readFileSync(NGINX_CONF, 'utf8');
    expect(named('nginx').volumes).toEqual([`./${NGINX_CONF}:/etc/nginx/nginx.conf:ro`]);
    expect(named('nginx').ports?.[0]).toMatch(new RegExp(`:${/listen (\d+);/.exec(conf)?.[1]}$`));
    expect(conf).toContain(`server apis:${configOf('apis').port} resolve`);
    expect(configOf('apis').allowedHosts).toEqual(['nginx']);
    // The default is 72 s in Fastify; the API does not set another.
    expect(Number(/keepalive_timeout (\d+)s;/.exec(conf)?.[1])).toBeLessThan(72);
  });

  it.each([
    'client_max_body_size 0;',
    'proxy_request_buffering off;',
    'proxy_buffering off;',
    'proxy_http_version 1.1;',
    'proxy_set_header Connection "";',
    'proxy_set_header Host $http_host;',
    'proxy_next_upstream error timeout;',
    'proxy_next_upstream_timeout 10s;',
  ])('has nginx obey %s', (directive) => {
    expect(readFileSync(NGINX_CONF, 'utf8')).toContain(`  ${directive}\n`);
  });
});

describe("docker-compose.yml's profile `monitoring`", () => {
  const inProfile = Object.keys(services).filter((name) => named(name).profiles?.includes('monitoring'));

  it('has Prometheus, Alertmanager and Grafana, of named versions, on ports of the loopback interface alone', () => {
    expect(inProfile).toEqual(['prometheus', 'alertmanager', 'grafana']);
    for (const name of inProfile) {
      expect([name, named(name).image]).toEqual([
        name,
        expect.stringMatching(/:\$\{[A-Z]+_VERSION:-v?\d+\.\d+\.\d+\}$/),
      ]);
      expect(named(name)).toMatchObject({
        cap_drop: ['ALL'],
        healthcheck: expect.anything(),
        restart: 'unless-stopped',
      });
    }
    expect(inProfile.flatMap((name) => named(name).ports)).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\$\{BATCH_PROMETHEUS_PORT:-9091\}:9090$/),
      expect.stringMatching(/^127\.0\.0\.1:\$\{BATCH_ALERTMANAGER_PORT:-9093\}:9093$/),
      expect.stringMatching(/^127\.0\.0\.1:\$\{BATCH_GRAFANA_PORT:-3000\}:3000$/),
    ]);
  });

  it('has Prometheus read the processes where they serve metrics, and tell Alertmanager', () => {
    const prometheus = parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8')) as {
      scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[];
      alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
    };
    const [apis, workers] = prometheus.scrape_configs[0]?.dns_sd_configs ?? [];
    expect(apis).toMatchObject({ names: ['api', 'apis'], port: configOf('apis').port });
    expect(workers).toMatchObject({ names: ['workers'], port: configOf('workers').port });
    expect(prometheus.alerting.alertmanagers[0]?.static_configs[0]?.targets).toEqual(['alertmanager:9093']);
    expect(named('prometheus').volumes).toContain('./deploy/prometheus:/etc/prometheus:ro');
  });

  it('lets whoever reaches Grafana look, and nobody log in', () => {
    expect(envOf('grafana')).toMatchObject({
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      GF_AUTH_DISABLE_LOGIN_FORM: 'true',
      GF_AUTH_BASIC_ENABLED: 'false',
    });
  });
});

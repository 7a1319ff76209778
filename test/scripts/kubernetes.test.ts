import { readdirSync, readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/index.js';
import { openPostgres } from '../../src/database/index.js';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { ManualClock } from '../jobs/support/manual-clock.js';
import { insertJob, openStore } from '../jobs/support/store-fixture.js';
import { startPostgres } from '../kit/postgres.js';

interface Container {
  image: string;
  env?: { name: string; value: string }[];
  ports?: { name: string; containerPort: number }[];
  livenessProbe?: { httpGet: { path: string; port: string } };
  readinessProbe?: { httpGet: { path: string; port: string } };
  securityContext: object;
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: {
    template: { spec: { containers: [Container]; securityContext: object; automountServiceAccountToken: boolean } };
    triggers: { metadata: { query: string; targetQueryValue: string } }[];
  };
}

const FOLDER = 'deploy/kubernetes';
const kustomization = parse(readFileSync(`${FOLDER}/kustomization.yaml`, 'utf8')) as {
  resources: string[];
  labels: { pairs: Record<string, string>; includeSelectors?: boolean }[];
  configMapGenerator: { literals: string[] }[];
};
const manifests = kustomization.resources.flatMap((name) =>
  parseAllDocuments(readFileSync(`${FOLDER}/${name}`, 'utf8')).map((document) => document.toJS() as Manifest),
);
const named = (kind: string, name: string): Manifest =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name) as Manifest;
const settings = Object.fromEntries(
  kustomization.configMapGenerator.flatMap(({ literals }) => literals.map((literal) => literal.split(/=(.*)/s))),
) as Record<string, string>;
const [migrate, api, worker] = [
  named('Job', 'batch-migrate'),
  named('Deployment', 'batch-api'),
  named('Deployment', 'batch-worker'),
];
const containerOf = ({ spec }: Manifest): Container => spec.template.spec.containers[0];
const envOf = (manifest: Manifest): Record<string, string> => ({
  ...settings,
  DATABASE_URL: 'postgres://batch@postgres/batch',
  ...Object.fromEntries((containerOf(manifest).env ?? []).map(({ name, value }) => [name, value])),
});

describe('deploy/kubernetes', () => {
  it('has all its files in the kustomization, and no Ingress', () => {
    expect([...kustomization.resources, 'kustomization.yaml'].sort()).toEqual(readdirSync(FOLDER).sort());
    expect(manifests.map(({ kind }) => kind)).not.toContain('Ingress');
  });

  it('selects no pods of other programs, which may have components of the same names', () => {
    expect(kustomization.labels).toEqual([{ pairs: { 'app.kubernetes.io/name': 'batch' }, includeSelectors: true }]);
  });

  it.each([
    ['migrate', migrate],
    ['api', api],
    ['worker', worker],
  ])('gives %s settings that the service knows', (_name, manifest) => {
    const asked = new Set<string>();
    const env = envOf(manifest);
    const get = (target: Record<string, string>, name: string | symbol): string | undefined => {
      asked.add(String(name));
      return target[String(name)];
    };
    loadConfig(new Proxy(env, { get }));
    expect(Object.keys(env).filter((name) => !asked.has(name))).toEqual([]);
  });

  it('asks APIs and workers for their health where they serve it', () => {
    for (const [manifest, role, port] of [
      [api, 'api', 8000], // that of the image
      [worker, 'worker', loadConfig(envOf(worker)).port],
    ] as const) {
      const { ports, livenessProbe, readinessProbe } = containerOf(manifest);
      expect(loadConfig(envOf(manifest)).role).toBe(role);
      expect(ports).toEqual([{ name: expect.any(String), containerPort: port }]);
      const name = ports?.[0]?.name;
      expect(livenessProbe?.httpGet).toEqual({ path: '/healthz', port: name });
      expect(readinessProbe?.httpGet).toEqual({ path: '/readyz', port: name });
    }
  });

  it('gives no process more rights than it needs', () => {
    for (const manifest of [migrate, api, worker]) {
      const { securityContext, automountServiceAccountToken } = manifest.spec.template.spec;
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(automountServiceAccountToken).toBe(false);
      expect(containerOf(manifest).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('scales workers by how long the queue has waited, and by the jobs that are run', async () => {
    const { triggers } = named('ScaledObject', 'batch-worker').spec;
    expect(triggers[1]?.metadata.targetQueryValue).toBe(envOf(worker)['JOB_CONCURRENCY']);
    const postgres = await startPostgres();
    const url = await postgres.createDatabase();
    const measured = async (): Promise<unknown[]> =>
      Promise.all(triggers.map(async ({ metadata }) => Object.values((await postgres.query(metadata.query, url))[0]!)));
    const fail = (error: Error): never => {
      throw error;
    };
    const store = await openStore(() => openPostgres({ url, onIdleError: fail }));
    try {
      expect(await measured()).toEqual([[0], [0]]);
      const jobs = new JobStore(store.db, new ManualClock());
      await insertJob(jobs);
      await postgres.query('UPDATE jobs SET run_after = run_after - 100000', url);
      expect(await measured()).toEqual([[expect.closeTo(150, -2)], [0]]);
      await jobs.claim('run', 'a worker');
      expect(await measured()).toEqual([[0], [1]]);
    } finally {
      await store.close();
      await postgres.stop();
    }
  });
});

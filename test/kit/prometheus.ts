import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { spawnOwned } from './owned-process.js';
import { freePort } from './ports.js';

const SCRIPT = resolve('scripts/prometheus.sh');
const START_TIMEOUT_MS = 300_000;

/** There is a Prometheus, or Debian's packages to fetch it; otherwise its tests are skipped. */
export const hasPrometheus = spawnSync(SCRIPT, ['available']).status === 0;

/** A sample of an instant query. */
export interface Sample {
  metric: Record<string, string>;
  value: number;
}

export interface Prometheus {
  readonly url: string;
  /** An instant query. Throws what the server says against it. */
  query(expression: string): Promise<Sample[]>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** URLs of processes, all in the scrape job `batch`, with labels of theirs. */
  targets: readonly { url: string; labels?: Record<string, string> }[];
  /** Files of rules. */
  rules?: readonly string[];
  /** How often it scrapes and evaluates, as Prometheus spells it. */
  every?: string;
}

/** Starts a real Prometheus, and waits until it answers. The first time of all it is fetched. */
export async function startPrometheus({ targets, rules = [], every = '1s' }: PrometheusOptions): Promise<Prometheus> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-prometheus-'));
  const config = join(dir, 'prometheus.yml');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await writeFile(
    config,
    stringify({
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      rule_files: rules.map((path) => resolve(path)),
      scrape_configs: [
        {
          job_name: 'batch',
          static_configs: targets.map((target) => ({
            targets: [new URL(target.url).host],
            labels: target.labels ?? {},
          })),
        },
      ],
    }),
  );
  const server = spawnOwned(SCRIPT, ['run', '--dir', join(dir, 'data'), '--port', `${port}`, '--config', config]);
  await server.until('it was ready', START_TIMEOUT_MS, () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => (ok ? true : undefined),
      () => undefined,
    ),
  );
  return {
    url,
    async query(expression) {
      const response = await fetch(`${url}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expression }),
      });
      const answer = (await response.json()) as Answer;
      if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
      return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async stop() {
      await server.stop(10_000);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

type Answer =
  | { status: 'success'; data: { result: { metric: Record<string, string>; value: [number, string] }[] } }
  | { status: 'error'; error: string };

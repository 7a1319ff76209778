import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { checkedInDashboards } from '../kit/dashboards.js';
import { documentedMetrics, metricsOf } from '../kit/promql.js';

/** Those of Node.js, which docs/reference/metrics.md does not list. */
const OF_NODE =
  /^(process_(cpu_seconds_total|resident_memory_bytes|open_fds)|nodejs_(eventloop_lag_p99_seconds|gc_duration_seconds_sum))$/;

describe('the dashboards', () => {
  const dashboards = checkedInDashboards();

  it('are what npm run dashboards makes of them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'batch-dashboards-'));
    try {
      execFileSync(process.execPath, ['scripts/dashboards.mjs', folder]);
      expect(dashboards).toEqual(checkedInDashboards(folder));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([...dashboards])('%s asks for metrics that there are', (_, { panels }) => {
    const queries = panels.flatMap(({ targets = [] }) => targets);
    expect(queries.length).toBeGreaterThan(5);
    const known = documentedMetrics();
    const unknown = queries
      .flatMap(({ expr }) => metricsOf(expr))
      .filter((name) => !known.has(name) && !OF_NODE.test(name));
    expect(unknown).toEqual([]);
  });

  it.each([...dashboards])('%s has panels that fit beside each other, each with an id', (_, { panels }) => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_each, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  it('are provisioned from where Compose mounts them, with the source of their data', () => {
    const read = <T>(path: string): T => parse(readFileSync(path, 'utf8')) as T;
    const compose = read<{ services: Record<string, { volumes: string[]; environment: Record<string, string> }> }>(
      'docker-compose.yml',
    );
    const { volumes, environment } = compose.services['grafana'] as {
      volumes: string[];
      environment: Record<string, string>;
    };
    const { providers } = read<{ providers: { options: { path: string } }[] }>(
      'deploy/grafana/provisioning/dashboards/batch.yml',
    );
    const folder = providers[0]?.options.path;
    expect(volumes).toContain(`./deploy/grafana/dashboards:${folder}:ro`);
    expect(environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(`${folder}/overview.json`);
    expect([...dashboards.keys()]).toContain('overview.json');
    const { datasources } = read<{ datasources: { type: string; url: string }[] }>(
      'deploy/grafana/provisioning/datasources/prometheus.yml',
    );
    expect(datasources.map(({ url }) => new URL(url).hostname)).toEqual(['prometheus', 'alertmanager']);
  });
});

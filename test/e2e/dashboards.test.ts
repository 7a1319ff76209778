import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queriesOfPanels } from '../kit/dashboards.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type PostgresServer, startPostgres } from '../kit/postgres.js';
import { hasPrometheus, type Prometheus, startPrometheus } from '../kit/prometheus.js';
import { ONE_PROCESS } from '../kit/service.js';
import { useService } from '../kit/use-service.js';

const WAIT_MS = 60_000;

/** Panels that have nothing to show while nothing is wrong. */
const OF_TROUBLE = [
  'Batch: overview / Alerts that fire',
  'Batch: Kafka path / Failed calls',
  'Batch: sinks and feeds / Failed loads',
  'Batch: sinks and feeds / Lost processes',
];

const root = realpathSync(mkdtempSync(join(tmpdir(), 'batch-dashboards-')));
const inbox = join(root, 'inbox');
const env: Record<string, string> = { ...ONE_PROCESS, SOURCES: `file:${root}` };
let postgres: PostgresServer;
let prometheus: Prometheus;

(hasPrometheus ? describe : describe.skip)(
  'dashboards of a service that has loaded a file of a feed into a sink',
  () => {
    beforeAll(async () => {
      mkdirSync(inbox);
      postgres = await startPostgres();
      env['POSTGRES_SINK_URL'] = await postgres.createDatabase();
      env['DEFAULT_SINKS'] = 'postgres';
    });
    const suite = useService({ models: { orders: ORDERS_SCHEMA }, env });
    beforeAll(async () => {
      prometheus = await startPrometheus({
        targets: [{ url: suite.service.url }],
        rules: ['deploy/prometheus/rules.yml'],
      });
    });
    afterAll(async () => {
      await prometheus?.stop();
      rmSync(root, { recursive: true, force: true });
    });
    afterAll(() => postgres?.stop());

    async function until(expression: string): Promise<void> {
      const deadline = Date.now() + WAIT_MS;
      while ((await prometheus.query(expression)).length === 0) {
        if (Date.now() > deadline)
          throw new Error(`Prometheus does not come to say ${expression}:\n${suite.service.log()}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }

    /** Whole, and old enough to be taken at once. */
    function arrives(name: string): void {
      writeFileSync(join(root, name), makeOrders(5_000, 100).csv);
      utimesSync(join(root, name), new Date(), new Date(Date.now() - 5_000));
      renameSync(join(root, name), join(inbox, name));
    }

    it('has data in each panel', async () => {
      const { api, service } = suite;
      const feed = { id: 'inbox', source: { uri: `file://${inbox}/` }, model_id: 'orders', every: 1 };
      const created = await fetch(`${service.url}/feeds`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(feed),
      });
      expect(created.status).toBe(201);
      // A rate needs a series that is there, and then grows.
      for (const jobs of [2, 4]) {
        arrives(`${jobs}.csv`);
        await api.createJob('orders', makeOrders(1_000, 10).csv);
        await until(`sum(batch_jobs_ended_total{state="PARTIAL_SUCCESS"}) == ${jobs}`);
      }
      await until('batch_sink_rows_total > 0');
      const empty = [];
      for (const { panel, expr } of queriesOfPanels('5m')) {
        const samples = (await prometheus.query(expr)).filter(({ value }) => !Number.isNaN(value));
        if (samples.length === 0) empty.push(panel);
      }
      expect(empty.filter((panel) => !OF_TROUBLE.includes(panel))).toEqual([]);
    });

    it('fires no alert', async () => {
      await until('batch_leader == 1');
      expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([]);
    });
  },
);

import { type Broker, startBroker } from '../kit/kafka-broker.js';
import { hasPrometheus, type Prometheus, startPrometheus } from '../kit/prometheus.js';
import { canMount } from '../kit/small-disk.js';
import { STAGES, type StagedFailure } from '../kit/staged-failures.js';

/** The slowest alert is that of a sink: 10 minutes behind, for 5. */
const FIRES_MS = 20 * 60_000;
/** Three restarts are seen for 15 minutes. */
const ENDS_MS = 20 * 60_000;

const names = Object.keys(STAGES).filter((name) => name !== 'full_disk' || canMount);
const failures = new Map<string, StagedFailure>();
const ends = new Map<string, Promise<void>>();
let broker: Broker;
let prometheus: Prometheus;

/** All of them go on at a time, each with its service, and with the rules as they are. */
(hasPrometheus ? describe : describe.skip)('an alert tells of', () => {
  beforeAll(async () => {
    broker = await startBroker();
    for (const name of names) failures.set(name, await (STAGES[name] as (typeof STAGES)[string]).stage(broker.brokers));
    const targets = [...failures].flatMap(([installation, { urls }]) =>
      urls.map((url) => ({ url, labels: { installation } })),
    );
    prometheus = await startPrometheus({ targets, rules: ['deploy/prometheus/rules.yml'], every: '5s' });
    await until(async () => (await prometheus.query('up == 1')).length === targets.length, 60_000, 'all are scraped');
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([]);
    for (const name of names) ends.set(name, follow(name));
    // Each is looked into by its test.
    void Promise.allSettled(ends.values());
  }, 600_000);
  afterAll(async () => {
    await Promise.all([...failures.values()].map((failure) => failure.stop()));
    await prometheus?.stop();
    await broker?.stop();
  }, 120_000);

  async function until(isSo: () => Promise<boolean>, ms: number, what: string): Promise<void> {
    for (
      const deadline = Date.now() + ms;
      !(await isSo());
      await new Promise((resolve) => setTimeout(resolve, 2_000))
    ) {
      if (Date.now() > deadline) throw new Error(`waited ${ms / 60_000} min: ${what}`);
    }
  }

  async function follow(name: string): Promise<void> {
    const { alert } = STAGES[name] as (typeof STAGES)[string];
    const failure = failures.get(name) as StagedFailure;
    const firing = `ALERTS{alertstate="firing", alertname="${alert}", installation="${name}"}`;
    const isFiring = async (): Promise<boolean> => (await prometheus.query(firing)).length > 0;
    await failure.fail();
    await until(isFiring, FIRES_MS, `${alert} does not fire`);
    await failure.mend();
    await until(async () => !(await isFiring()), ENDS_MS, `${alert} does not end`);
  }

  it.each(names)(
    '%s, and ends when that is mended as its runbook says',
    async (name) => {
      await ends.get(name);
    },
    FIRES_MS + ENDS_MS,
  );
});

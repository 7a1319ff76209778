import { ClusterProbe } from '../../src/kafka/cluster-probe.js';
import type { ClusterState } from '../../src/kafka/cluster-state.js';

const GOOD: ClusterState = {
  unsupported: null,
  failure: null,
  brokers: 1,
  transactionTimeoutMs: 30_000,
  replicas: { __consumer_offsets: 1, __transaction_state: 1 },
  offsetsRetentionMinutes: 10_080,
};
const REFUSED = { ...GOOD, unsupported: 'no EndTxn' };
const FAILED = { ...GOOD, failure: 'NOT_COORDINATOR' };

const EVER = Number.POSITIVE_INFINITY;
const PATIENT = { answerMs: 60_000, freshMs: EVER, freshTroubleMs: 0 };

/** The answers of successive looks; the one after them never ends. */
function probe(times: typeof PATIENT, ...answers: (ClusterState | Error)[]) {
  let looks = 0;
  const cluster = new ClusterProbe(async () => {
    const answer = answers[looks++];
    if (answer === undefined) return new Promise<never>(() => undefined);
    if (answer instanceof Error) throw answer;
    return answer;
  }, times);
  return { cluster, looks: () => looks };
}

describe('the probe of the cluster', () => {
  it('waits for the first look, and asks no more while it is fresh', async () => {
    const { cluster, looks } = probe(PATIENT, GOOD);
    await Promise.all([cluster.check(), cluster.check()]);
    await cluster.check();
    expect([looks(), cluster.state]).toEqual([1, GOOD]);
  });

  it('waits for no second look after a good one', async () => {
    const { cluster, looks } = probe({ ...PATIENT, freshMs: 0 }, GOOD);
    await cluster.check();
    await cluster.check();
    expect(looks()).toBe(2);
  });

  it('lets pass who waited long enough for the first look', async () => {
    const { cluster, looks } = probe({ ...PATIENT, answerMs: 1 });
    await cluster.check();
    expect([looks(), cluster.state]).toEqual([1, null]);
  });

  it('refuses in the words of the brokers until they are mended', async () => {
    const { cluster } = probe(PATIENT, REFUSED, new Error('away'), FAILED, GOOD);
    const refusal = { code: 'KAFKA_UNSUPPORTED', message: 'The brokers cannot write jobs exactly once: no EndTxn' };
    // Neither a broker that is away nor a transaction that could not be tried is an answer to that.
    for (let look = 1; look <= 3; look++) await expect(cluster.check()).rejects.toMatchObject(refusal);
    await cluster.check();
    expect(cluster.state).toEqual(GOOD);
  });

  it('lets pass what could not be tried, and looks again', async () => {
    const { cluster, looks } = probe(PATIENT, new Error('away'), FAILED, GOOD);
    for (let look = 1; look <= 3; look++) {
      await cluster.check();
      await cluster.look();
    }
    expect([looks(), cluster.state]).toEqual([3, GOOD]);
  });
});

import type { ClusterState } from '../../src/kafka/cluster-state.js';
import {
  internalTopicsTrouble,
  offsetsRetentionTrouble,
  topicReplicasTrouble,
  transactionsTrouble,
  transactionTimeoutTrouble,
} from '../../src/kafka/cluster-troubles.js';

const GOOD: ClusterState = {
  unsupported: null,
  failure: null,
  brokers: 3,
  transactionTimeoutMs: 30_000,
  replicas: { __consumer_offsets: 3, __transaction_state: 3 },
  offsetsRetentionMinutes: 1_440,
};
const UNKNOWN: ClusterState = {
  ...GOOD,
  transactionTimeoutMs: null,
  replicas: { __consumer_offsets: null, __transaction_state: null },
  offsetsRetentionMinutes: null,
};

function troubles(state: ClusterState): (string | null)[] {
  return [
    internalTopicsTrouble(state),
    offsetsRetentionTrouble(state, 24),
    topicReplicasTrouble(state, 3, 3),
    transactionsTrouble(state),
    transactionTimeoutTrouble(state),
  ];
}

describe('the troubles of a cluster', () => {
  it.each([GOOD, UNKNOWN])('are none if all is well or unknown', (state) => {
    expect(troubles(state)).toEqual([null, null, null, null, null]);
  });

  it('are internal topics with one replica, if there are more brokers', () => {
    const offsets = { __consumer_offsets: 1, __transaction_state: 2 };
    const one = internalTopicsTrouble({ ...GOOD, replicas: offsets });
    expect(one).toMatch(/^__consumer_offsets has .* Set offsets\.topic\.replication\.factor=3 on .*reassign/);
    expect(one).not.toContain('transaction');
    const both = internalTopicsTrouble({
      ...GOOD,
      brokers: 2,
      replicas: { __consumer_offsets: 1, __transaction_state: 1 },
    });
    expect(both).toMatch(/^__consumer_offsets and __transaction_state have /);
    expect(both).toContain('offsets.topic.replication.factor=2 and transaction.state.log.replication.factor=2');
    expect(internalTopicsTrouble({ ...GOOD, brokers: 1, replicas: offsets })).toBeNull();
  });

  it('are checkpoints that expire before files', () => {
    const trouble = offsetsRetentionTrouble(GOOD, 25);
    expect(trouble).toContain('offsets.retention.minutes is 1440');
    expect(trouble).toContain('SPOOL_KEEP_HOURS=25 (1500 minutes)');
  });

  it('are transactions of ten seconds', () => {
    const trouble = transactionTimeoutTrouble({ ...GOOD, transactionTimeoutMs: 10_000 });
    expect(trouble).toMatch(/transaction\.max\.timeout\.ms.* 10 s.*30000/);
  });

  it('are transactions that could not be tried', () => {
    const failure = 'GROUP_AUTHORIZATION_FAILED: Not authorized';
    expect(transactionsTrouble({ ...GOOD, failure })).toContain(failure);
  });

  it('are topics with one replica against the wish', () => {
    expect(topicReplicasTrouble({ ...GOOD, brokers: 2 }, 3, 1)).toContain('Set KAFKA_REPLICATION_FACTOR=2');
    for (const [wanted, obtained, brokers] of [
      [1, 1, 2],
      [3, 1, 1],
      [3, 2, 2],
      [3, null, 2],
    ] as const) {
      expect(topicReplicasTrouble({ ...GOOD, brokers }, wanted, obtained)).toBeNull();
    }
  });
});

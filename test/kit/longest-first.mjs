import TestSequencer from '@jest/test-sequencer';

/**
 * Test files that take long, the longest first: begun late, they keep one process busy while the others have nothing left
 * to do. Jest knows by itself only where it has run before, and goes by the size of the files elsewhere.
 */
const LONG = [
  // Unit tests
  'database/postgres/stores',
  'jobs/store/job-store',
  'formats/csv/kernel/kernel-reader',
  'jobs/simulation/cluster/cluster',
  'sources/azure',
  'sources/gcs',
  'sources/s3',
  'sources/https-source',
  'storage/s3/s3-file-store',
  'formats/csv/kernel/same-decisions.property',
  'jobs/queue/bullmq-notifier',
  'database/postgres/pgbouncer',
  'sinks/clickhouse/clickhouse-sink',
  'cli/batch',
  'formats/csv/csv-reader',
  'reading/stream-row-source',
  'decoding/decompressed-source',
  'sinks/clickhouse/remove-load',
  'sinks/clickhouse/table-shapes',
  'database/postgres/tls',
  'feeds/store/feed-stores',
  'formats/parquet/nested.property',
  'runner/pool',
  'database/migrations',
  'jobs/simulation/claims',
  'sdk/package',
  'sdk/infer-model',
  // End-to-end tests
  'e2e/sinks',
  'e2e/broker-outage',
  'e2e/delivery',
  'e2e/sources',
  'e2e/secured-broker',
  'e2e/sink-values',
  'e2e/cloud-sources',
  'e2e/oauthbearer',
  'e2e/conformance',
  'e2e/hanging-transactions',
  'e2e/json',
  'e2e/options',
  'e2e/feed-kills',
  'e2e/installation',
  'e2e/broker-permissions',
  'e2e/cluster',
  'e2e/stale-checkpoint',
  'e2e/compressed',
  'e2e/parquet-hostile',
  'e2e/full-sinks',
  'e2e/bullmq',
  'e2e/start-stop',
  'e2e/up-cluster',
].map((name) => `/test/${name}.test.ts`);

export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const place = ({ path }) => {
      const found = LONG.findIndex((name) => path.endsWith(name));
      return found === -1 ? LONG.length : found;
    };
    return super.sort(tests).toSorted((a, b) => place(a) - place(b));
  }
}

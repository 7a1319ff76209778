import { setTimeout as sleep } from 'node:timers/promises';
import { topicEnds } from '../../scripts/lib/topic-reader.mjs';
import type { Job } from '../../src/jobs/domain/job.js';
import {
  destroyCluster,
  findCoordinator,
  openCluster,
  TRANSACTION_COORDINATOR,
} from '../../src/kafka/kafkajs-internals.js';
import { Api } from '../kit/api.js';
import { kafkaAt } from '../kit/kafka-client.js';
import { type Cluster, startCluster } from '../kit/kafka-cluster.js';
import { expectDelivered, makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { runnerPids } from '../kit/runners.js';
import { type Service, startService } from '../kit/service.js';

const ORDERS = makeOrders(300_000, 997);
const JOBS = 6;
/** The transaction's own time-out is 30 s, and the coordinator looks every 10 s. */
const AWAY_MS = 45_000;
const METADATA_MS = 30_000;

let cluster: Cluster;
let service: Service;
let api: Api;

beforeAll(async () => {
  cluster = await startCluster(3);
  service = await startService({
    brokers: cluster.brokers,
    env: { JOB_CONCURRENCY: String(JOBS), KAFKA_REPLICATION_FACTOR: '1' },
  });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(async () => {
  await service.stop();
  await cluster.stop();
});

interface Nodes {
  /** Leads the job's data topic. */
  leader: number;
  /** Coordinates the job's transactions. */
  coordinator: number;
}

async function nodesOf({ job_id, topics }: Job): Promise<Nodes> {
  const kafka = kafkaAt(cluster.brokers);
  const connection = openCluster(kafka);
  try {
    await connection.connect();
    await metadataOf(connection, topics.data);
    const [partition] = connection.findTopicPartitionMetadata(topics.data);
    const { nodeId } = await findCoordinator(connection, `${service.topicPrefix}.${job_id}`, TRANSACTION_COORDINATOR);
    return { leader: partition?.leader ?? -1, coordinator: nodeId };
  } finally {
    destroyCluster(connection, new Error('done'));
  }
}

/** A node may hear of a new topic a moment after its creation. */
async function metadataOf(connection: ReturnType<typeof openCluster>, topic: string): Promise<void> {
  for (const deadline = Date.now() + METADATA_MS; ; await sleep(50)) {
    try {
      return await connection.addMultipleTargetTopics([topic]);
    } catch (error) {
      if ((error as { type?: string }).type !== 'UNKNOWN_TOPIC_OR_PARTITION' || Date.now() > deadline) throw error;
    }
  }
}

async function inTransaction({ topics }: Job): Promise<boolean> {
  const { readable, written } = await topicEnds(cluster.brokers, topics.data);
  return readable < written;
}

/** Freezes the runners while one of these jobs has rows in an open transaction: that job. */
async function freezeInTransaction(jobs: readonly Job[]): Promise<Job> {
  const runners = runnerPids(service);
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of runners) process.kill(pid, name);
  };
  for (;;) {
    for (const job of jobs) {
      if (!(await inTransaction(job))) continue;
      signal('SIGSTOP');
      await sleep(1000); // for the commit that may be on its way
      if (await inTransaction(job)) return job;
      signal('SIGCONT');
    }
    const now = await Promise.all(jobs.map(({ job_id }) => api.job(job_id)));
    if (now.every(({ finished_at }) => finished_at !== null)) throw new Error('every job ended out of a transaction');
  }
}

describe('topics that are offline until their transaction times out', () => {
  it('get every row once when they come back', async () => {
    const jobs: Job[] = [];
    /** Leaders by job, if its coordinator stays, which completes a transaction whose markers have nowhere to go. */
    const leaders = new Map<Job, number>();
    while (jobs.length < JOBS || leaders.size === 0) {
      const job = await api.createSlowJob('orders', ORDERS.csv);
      const { leader, coordinator } = await nodesOf(job);
      jobs.push(job);
      if (leader !== coordinator) leaders.set(job, leader);
    }
    const job = await freezeInTransaction([...leaders.keys()]);
    const node = cluster.nodes.get(leaders.get(job) ?? -1);
    await node?.kill('SIGKILL');
    for (const pid of runnerPids(service)) process.kill(pid, 'SIGCONT');
    await sleep(AWAY_MS);
    await node?.restart();
    for (const { job_id } of jobs) {
      const ended = await api.ended(job_id, 120_000);
      expect(ended).toMatchObject({ state: 'PARTIAL_SUCCESS', error: null });
      await expectDelivered(cluster.brokers, ended, ORDERS);
    }
    // Without a lost marker this would have shown nothing.
    expect(repairedJobs()).toContain(job.job_id);
  });
});

/** Ids of the jobs of which a transaction was ended that had lost its marker. */
function repairedJobs(): string[] {
  const lines = service.log().split('\n');
  const repairs = lines.filter((line) => line.includes('a transaction marker was lost'));
  return repairs.map((line) => (JSON.parse(line) as { job_id: string }).job_id);
}

import type { Job } from '../../../src/jobs/domain/job.js';
import {
  controllerOf,
  groupCoordinatorOf,
  hasLeader,
  leaderOf,
  partitionsOf,
  transactionCoordinatorOf,
} from '../../kit/cluster-queries.js';
import type { Broker } from '../../kit/kafka-broker.js';
import { type ProxiedCluster, startProxiedCluster } from '../../kit/kafka-cluster.js';
import type { KafkaProxy } from '../../kit/kafka-proxy.js';
import { namesOfJob } from '../../kit/names.js';
import { JobStage, MODEL, until } from '../job-stage.js';
import type { RowFile } from '../rows.js';

const NODES = 3;
const SETTINGS = ['min.insync.replicas=2', 'transaction.state.log.min.isr=2'];
const IN_SYNC_MS = 180_000;
const END_MS = 600_000;
const RESUMES = 5;
export const INTERNAL_TOPICS = ['__transaction_state', '__consumer_offsets'] as const;

export type Role = 'leader' | 'transaction coordinator' | 'group coordinator' | 'controller';
export const ROLES: readonly Role[] = ['leader', 'transaction coordinator', 'group coordinator', 'controller'];

/** Three nodes, each behind its own proxy: every topic has three replicas, of which two must have a row. */
export class BrokersStage extends JobStage {
  /** Nodes that were killed, or are frozen. */
  readonly #away = new Set<number>();

  private constructor(
    seed: number,
    private readonly cluster: ProxiedCluster,
  ) {
    super(seed, { direct: cluster.brokers, proxies: [...cluster.proxies.values()] });
  }

  static async open(seed: number): Promise<BrokersStage> {
    return new BrokersStage(seed, await startProxiedCluster(NODES, { settings: SETTINGS }));
  }

  override async close(): Promise<void> {
    await super.close();
    await this.cluster.stop();
  }

  /** Ids of all nodes. */
  get nodes(): number[] {
    return [...this.cluster.nodes.keys()];
  }

  /** host:port of the nodes that answer, past the proxies. */
  get reachable(): string {
    return this.nodes
      .filter((node) => !this.#away.has(node))
      .map((node) => this.#broker(node).brokers)
      .join(',');
  }

  proxyOf(node: number): KafkaProxy {
    return this.cluster.proxies.get(node) as KafkaProxy;
  }

  /** Ends a node, or freezes it (SIGSTOP). */
  async takeAway(node: number, signal: NodeJS.Signals): Promise<void> {
    this.#away.add(node);
    await this.#broker(node).kill(signal);
  }

  /** Starts nodes again that were ended, or wakes those that are frozen; resolves when they answer. */
  async bringBack(nodes: readonly number[], how: 'restart' | 'SIGCONT'): Promise<void> {
    const brokers = nodes.map((node) => this.#broker(node));
    await Promise.all(brokers.map((broker) => (how === 'restart' ? broker.restart() : broker.kill('SIGCONT'))));
    for (const node of nodes) this.#away.delete(node);
  }

  override async recover(): Promise<void> {
    const away = [...this.#away];
    await Promise.all(away.map((node) => this.#broker(node).kill('SIGKILL')));
    await this.bringBack(away, 'restart');
  }

  /** Uploads a file, again for as long as the answer is 503, as a client does; the job's id. */
  async uploadAgain(file: RowFile): Promise<string> {
    return until('an upload to be taken', IN_SYNC_MS, async () => {
      const response = await this.api.upload(MODEL, file.path);
      this.tally.event(`upload: ${response.status}`);
      if (response.status === 202) return ((await response.json()) as Job).job_id;
      if (response.status !== 503) throw new Error(`upload: ${response.status} ${await response.text()}`);
      return undefined;
    });
  }

  /** Which node has which role for a job. */
  async rolesFor(jobId: string): Promise<Record<Role, number>> {
    const { data, group: id } = namesOfJob(await this.api.job(jobId));
    const [leader, transactions, group, controller] = await Promise.all([
      leaderOf(this.reachable, data),
      transactionCoordinatorOf(this.reachable, id),
      groupCoordinatorOf(this.reachable, id),
      controllerOf(this.reachable),
    ]);
    return { leader, 'transaction coordinator': transactions, 'group coordinator': group, controller };
  }

  /** Those of the jobs' topics that the node leads. */
  async topicsLedBy(node: number, jobIds: readonly string[]): Promise<string[]> {
    const led: string[] = [];
    for (const jobId of jobIds) {
      const { topics } = await this.api.job(jobId);
      for (const topic of [topics.data, topics.dlq]) {
        if ((await leaderOf(this.reachable, topic)) === node) led.push(topic);
      }
    }
    return led;
  }

  /** Resolves when no node leads the topic's partition. */
  async offline(topic: string): Promise<void> {
    await until(
      `${topic} without a leader`,
      IN_SYNC_MS,
      async () => !(await hasLeader(this.reachable, topic)) || undefined,
    );
  }

  /** Resolves when a node other than this leads the topic's partition. */
  async successorOf(node: number, topic: string): Promise<void> {
    await until(`another leader of ${topic} than ${node}`, IN_SYNC_MS, async () => {
      const leader = await leaderOf(this.reachable, topic);
      return (leader !== node && leader >= 0) || undefined;
    });
  }

  /** Resolves when exactly these nodes are in sync for the topic's partition. */
  async replicatedBy(topic: string, nodes: readonly number[]): Promise<void> {
    await until(`${topic} in sync on ${nodes}`, IN_SYNC_MS, async () => {
      const partitions = await partitionsOf(this.reachable, topic);
      return (
        partitions.every(({ isr }) => isr.length === nodes.length && isr.every((node) => nodes.includes(node))) ||
        undefined
      );
    });
  }

  /** Resolves when all replicas of the internal topics and of the jobs' are in sync. */
  async replicated(jobIds: readonly string[]): Promise<void> {
    const jobs = await Promise.all(jobIds.map((jobId) => this.api.job(jobId)));
    const topics = [...INTERNAL_TOPICS, ...jobs.flatMap((job) => [job.topics.data, job.topics.dlq])];
    for (const topic of topics) await this.replicatedBy(topic, this.nodes);
  }

  /** Waits for the jobs' ends, resumes those that failed, and holds each against the file. The nodes must be back. */
  async concluded(jobIds: readonly string[], file: RowFile): Promise<void> {
    await this.replicated(jobIds);
    for (const jobId of jobIds) if (await this.#resumed(jobId, file)) await this.delivered(jobId, file);
  }

  /** Resumes the job for as long as it fails; false if it cannot be resumed. */
  async #resumed(jobId: string, file: RowFile): Promise<boolean> {
    for (let resumes = 0; ; resumes++) {
      const { state, error } = await this.api.ended(jobId, END_MS);
      if (state !== 'FAILED') {
        if (resumes > 0) this.tally.resumed += 1;
        return true;
      }
      this.tally.event(`failed as ${error?.code}`);
      await this.prefix(jobId, file);
      const answer = await this.api.resume(jobId);
      if (answer.status === 202 && resumes < RESUMES) continue;
      this.tally.fail(`job ${jobId} failed: ${JSON.stringify(error)}; resume: ${answer.status} ${await answer.text()}`);
      return false;
    }
  }

  #broker(node: number): Broker {
    return this.cluster.nodes.get(node) as Broker;
  }
}

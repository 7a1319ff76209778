import { errorType } from './kafka-failure.js';

type Config = Readonly<Record<string, string>>;

const DAY_MS = 86_400_000;
/** How long Kafka keeps the records of jobs. */
export const JOB_RETENTION_MS = 7 * DAY_MS;
/** A batch of 1 MiB and its 12 bytes of framing: Kafka's own default, set so that a broker's does not matter. */
const MAX_MESSAGE_BYTES = 1_048_588;
/** Each is set so that the brokers' own defaults do not matter: they may drop rows for their size, or recompress them. */
export const JOB_TOPIC_CONFIG: Config = {
  'cleanup.policy': 'delete',
  'retention.ms': String(JOB_RETENTION_MS),
  'retention.bytes': '-1',
  'max.message.bytes': String(MAX_MESSAGE_BYTES),
  'compression.type': 'producer',
  // A service whose clock is days behind would have its rows deleted at the next look of retention.
  'message.timestamp.type': 'LogAppendTime',
  // A leader that was not in sync would lose rows that were acknowledged.
  'unclean.leader.election.enable': 'false',
  // Below three replicas it would stop every job while one broker is away: see `RefusedConfigs.select`.
  'min.insync.replicas': '2',
};
export const CLOCK_TOPIC_CONFIG: Config = {
  'cleanup.policy': 'delete',
  'retention.ms': String(DAY_MS),
  'message.timestamp.type': 'LogAppendTime',
};
export const JOBS_TOPIC_CONFIG: Config = {
  'cleanup.policy': 'compact',
  // What a service writes whose clock is hours ahead would be refused.
  'message.timestamp.type': 'LogAppendTime',
};

/** Without these a topic would not be what it is for. */
const NEEDED = new Set(['cleanup.policy', 'unclean.leader.election.enable']);
const REFUSALS = new Set(['INVALID_CONFIG', 'POLICY_VIOLATION']);

/** What of the configs that topics should have the brokers do not take: managed clusters fix some of them. */
export class RefusedConfigs {
  readonly #names = new Set<string>();

  /** Those of `wanted` to ask for, with that replication factor. */
  select(wanted: Config, replicationFactor: number): Config {
    const isAskedFor = (name: string): boolean =>
      !this.#names.has(name) && (name !== 'min.insync.replicas' || replicationFactor >= 3);
    return Object.fromEntries(Object.entries(wanted).filter(([name]) => isAskedFor(name)));
  }

  /** Whether `error` refuses one of the configs that were sent, by its name, and it can be done without: then it is. */
  leaveOut(error: unknown, sent: Config): boolean {
    if (!(error instanceof Error) || !REFUSALS.has(errorType(error))) return false;
    const refused = Object.keys(sent).find((name) => !NEEDED.has(name) && error.message.includes(name));
    if (refused === undefined) return false;
    this.#names.add(refused);
    return true;
  }

  /** For /readyz; null: none is refused. */
  trouble(): string | null {
    if (this.#names.size === 0) return null;
    const clock = this.#names.has('message.timestamp.type')
      ? "; if that is CreateTime, the service's clock decides when retention deletes rows, and must be right"
      : '';
    return `the brokers refuse topics with ${[...this.#names].join(', ')}: topics are created without it and use the brokers' default; allow it and restart the service, or check that default${clock}`;
  }
}

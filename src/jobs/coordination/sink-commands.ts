import { SINK_URLS, type SinksConfig } from '../../config/index.js';
import { ServiceError } from '../../errors/index.js';
import type { SinkName } from '../../ingest/index.js';
import { jobNames, kafkaProblem, type TopicAdmin } from '../../kafka/index.js';
import { isTerminal } from '../domain/job-state.js';
import type { StoredJob } from '../domain/stored-job.js';
import type { JobNotifier } from '../queue/job-notifier.js';
import type { JobStore } from '../store/job-store.js';
import type { SinkChanges, SinkLoad, SinkStore } from '../store/sink-store.js';

/** How many jobs a sink has in each state. */
export interface SinkStatus {
  name: SinkName;
  pending: number;
  loading: number;
  retrying: number;
  failed: number;
  removing: number;
  /** The newest error of a job that is RETRYING or FAILED; null: there is none. */
  error: { code: string; message: string } | null;
}

export interface SinkCommandsOptions {
  jobs: Pick<JobStore, 'get'>;
  sinks: SinkStore;
  topics: Pick<TopicAdmin, 'holdsAllRecords'>;
  notifier: Pick<JobNotifier, 'notify'>;
  /** Takes every new revision of a job. */
  publish: (job: StoredJob) => void;
  config: Pick<SinksConfig, 'urls' | 'lineage'>;
}

function missing(name: SinkName): string {
  return `The sink ${name} needs ${SINK_URLS[name]}, which is not set`;
}

/** Its next claim is made at once, and whoever has it finds out that it is not his any more. */
const NOW = { leaseOwner: null, runAfterMs: 0 } as const;

/** What users do to the sinks of jobs. */
export class SinkCommands {
  constructor(private readonly options: SinkCommandsOptions) {}

  /** The sinks that are configured. */
  async list(): Promise<SinkStatus[]> {
    const { sinks, config } = this.options;
    const counts = await sinks.counts();
    const status = async (name: SinkName): Promise<SinkStatus> => {
      const count = (state: string): number =>
        counts.find((each) => each.name === name && each.state === state)?.count ?? 0;
      return {
        name,
        pending: count('PENDING'),
        loading: count('LOADING'),
        retrying: count('RETRYING'),
        failed: count('FAILED'),
        removing: count('REMOVING'),
        error: config.urls.has(name)
          ? await sinks.newestError(name)
          : { code: 'SINK_NOT_CONFIGURED', message: missing(name) },
      };
    };
    // A sink that was taken from the settings may still have loads.
    const names = new Set([...config.urls.keys(), ...counts.map(({ name }) => name)]);
    return Promise.all([...names].map(status));
  }

  /**
   * Loads the rows of a job into more sinks, or again into those from which they were removed. Throws JOB_NOT_FOUND,
   * SINK_NOT_CONFIGURED, SINK_STATE_CONFLICT if it has the sink already, SINK_EXPIRED if its topics do not hold all rows,
   * KAFKA_UNAVAILABLE if that cannot be found out.
   */
  async add(jobId: string, names: readonly SinkName[]): Promise<StoredJob> {
    const { sinks } = this.options;
    const job = await this.#require(jobId);
    for (const name of names) {
      this.#requireConfigured(name);
      const { state } = job.sinks.find((sink) => sink.name === name) ?? {};
      if (state === undefined || state === 'REMOVED') continue;
      throw new ServiceError('SINK_STATE_CONFLICT', `The rows of the job are ${state} in ${name} already`);
    }
    if (isTerminal(job.state)) await this.#requireRecords(job);
    const changed = await sinks.add(jobId, names, job.options.sinkWhen);
    return this.#changed(changed, 'The rows of the job were just sent there by another request');
  }

  /** Tries a load that has FAILED or is RETRYING again, now. Throws JOB_NOT_FOUND, SINK_NOT_FOUND, SINK_STATE_CONFLICT. */
  async retry(jobId: string, name: SinkName): Promise<StoredJob> {
    const load = await this.#requireLoad(jobId, name);
    if (load.state !== 'FAILED' && load.state !== 'RETRYING') {
      throw new ServiceError('SINK_STATE_CONFLICT', `The load is ${load.state}: there is nothing to try again`);
    }
    return this.#change(load, { ...NOW, state: 'PENDING', error: null, failures: 0 });
  }

  /**
   * Takes the rows of a job out of a sink: it is REMOVING, later REMOVED. Throws JOB_NOT_FOUND, SINK_NOT_FOUND,
   * SINK_STATE_CONFLICT while the job itself is under way, SINK_NOT_REVERSIBLE.
   */
  async remove(jobId: string, name: SinkName): Promise<StoredJob> {
    const job = await this.#require(jobId);
    const load = await this.#requireLoad(jobId, name);
    if (load.state === 'REMOVING' || load.state === 'REMOVED') return job;
    // What was never begun has nothing to take out, and needs no sink for it.
    const isBegun = load.table !== null || load.rows > 0 || load.lease > 0;
    if (isBegun) this.#requireConfigured(name);
    if (!isTerminal(job.state)) {
      const message = `The job is ${job.state}, and would be loaded again: cancel it first (\`DELETE /jobs/${jobId}\`)`;
      throw new ServiceError('SINK_STATE_CONFLICT', message);
    }
    if (name === 'postgres' && !this.options.config.lineage) {
      const message = 'SINK_LINEAGE is off: which rows came with the job is not kept';
      throw new ServiceError('SINK_NOT_REVERSIBLE', message);
    }
    if (!isBegun) return this.#change(load, { state: 'REMOVED', error: null, leaseOwner: null, runAfterMs: null });
    return this.#change(load, { ...NOW, state: 'REMOVING', error: null, failures: 0 });
  }

  async #change(load: SinkLoad, changes: SinkChanges): Promise<StoredJob> {
    const changed = await this.options.sinks.change(load, { states: [load.state], load: load.load }, changes);
    return this.#changed(changed, 'The load has changed meanwhile: look at it again');
  }

  #changed(job: StoredJob | undefined, conflict: string): StoredJob {
    if (job === undefined) throw new ServiceError('SINK_STATE_CONFLICT', conflict);
    this.options.publish(job);
    this.options.notifier.notify(job.jobId);
    return job;
  }

  async #require(jobId: string): Promise<StoredJob> {
    const job = await this.options.jobs.get(jobId);
    if (job === undefined) throw new ServiceError('JOB_NOT_FOUND', `There is no job '${jobId}'`);
    return job;
  }

  async #requireLoad(jobId: string, name: SinkName): Promise<SinkLoad> {
    await this.#require(jobId);
    const load = await this.options.sinks.get({ jobId, name });
    if (load === undefined) throw new ServiceError('SINK_NOT_FOUND', `Job '${jobId}' is not loaded into ${name}`);
    return load;
  }

  #requireConfigured(name: SinkName): void {
    if (this.options.config.urls.has(name)) return;
    throw new ServiceError('SINK_NOT_CONFIGURED', missing(name));
  }

  /** The job has ended. */
  async #requireRecords(job: StoredJob): Promise<void> {
    const { dataEnd = 0, dlqEnd = 0 } = job.checkpoint ?? {};
    try {
      if (await this.options.topics.holdsAllRecords(jobNames(job), { data: dataEnd, dlq: dlqEnd })) return;
    } catch (error) {
      throw kafkaProblem(error, "The job's topics could not be read") ?? error;
    }
    throw new ServiceError('SINK_EXPIRED', "The job's topics no longer hold all of its rows");
  }
}

import type { SinkSettings } from '../settings.js';
import type { Sink, SinkJob, SinkSession } from '../sink.js';

export class PostgresSink implements Sink {
  readonly name = 'postgres';

  constructor(private readonly settings: SinkSettings) {}

  async check(): Promise<void> {
    throw new Error(this.settings.ddl);
  }

  async open(job: SinkJob): Promise<SinkSession> {
    throw new Error(job.jobId);
  }

  async remove(job: SinkJob): Promise<void> {
    throw new Error(job.jobId);
  }

  async close(): Promise<void> {}
}

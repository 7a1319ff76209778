import { once } from 'node:events';
import { openAsBlob } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import type { Job } from '../../src/jobs/domain/job.js';

const TERMINAL = new Set(['SUCCESS', 'PARTIAL_SUCCESS', 'FAILED', 'CANCELLED']);
/** A job is polled often at first, where tests step in, and the more seldom the longer it takes: each request is work. */
const FIRST_POLL_MS = 5;
const MAX_POLL_MS = 50;
/** Far more than is needed, as the machine may be busy. */
const UNTIL_MS = 150_000;

/** The HTTP API by plain fetch: tests of the service must not depend on the SDK being right. */
export class Api {
  url: string;

  constructor(url: string) {
    this.url = url;
  }

  async createModel(id: string, schema: unknown): Promise<void> {
    const response = await fetch(`${this.url}/models`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id, name: id, schema }),
    });
    if (response.status !== 201) throw new Error(`POST /models: ${response.status} ${await response.text()}`);
  }

  async upload(
    modelId: string,
    file: string | Buffer,
    headers: Record<string, string> = {},
    options: Record<string, string> = {},
  ): Promise<Response> {
    const form = new FormData();
    const blob = typeof file === 'string' ? await openAsBlob(file) : new Blob([new Uint8Array(file)]);
    form.set('file', blob, typeof file === 'string' ? 'rows.csv' : 'data.csv');
    form.set('model_id', modelId);
    for (const [name, value] of Object.entries(options)) form.set(name, value);
    return fetch(`${this.url}/jobs`, { method: 'POST', headers, body: form });
  }

  /** The answer to an upload whose body never comes. */
  async uploadWithoutBody(modelId: string): Promise<{ status: number | undefined; problem: Record<string, string> }> {
    const headers = { 'content-type': 'multipart/form-data; boundary=x', 'content-length': '100000' };
    const upload = request(`${this.url}/jobs?model_id=${modelId}`, { method: 'POST', headers });
    upload.on('error', () => undefined);
    upload.flushHeaders();
    const [answer] = (await once(upload, 'response')) as [IncomingMessage];
    const problem = JSON.parse(await new Response(answer as never).text()) as Record<string, string>;
    upload.destroy();
    return { status: answer.statusCode, problem };
  }

  async createJob(
    modelId: string,
    file: string | Buffer,
    headers: Record<string, string> = {},
    options: Record<string, string> = {},
  ): Promise<Job> {
    const response = await this.upload(modelId, file, headers, options);
    if (response.status !== 202 && response.status !== 200) {
      throw new Error(`POST /jobs: ${response.status} ${await response.text()}`);
    }
    return (await response.json()) as Job;
  }

  /** A job that takes long enough for a test to step in: read by the slow reader. */
  async createSlowJob(modelId: string, file: Buffer): Promise<Job> {
    return this.createJob(modelId, file, {}, { csv_reader: 'reference' });
  }

  async job(jobId: string): Promise<Job> {
    const response = await fetch(`${this.url}/jobs/${jobId}`);
    if (response.status !== 200) throw new Error(`GET /jobs/${jobId}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Job;
  }

  async cancel(jobId: string): Promise<Response> {
    return fetch(`${this.url}/jobs/${jobId}`, { method: 'DELETE' });
  }

  async resume(jobId: string): Promise<Response> {
    return fetch(`${this.url}/jobs/${jobId}/resume`, { method: 'POST' });
  }

  /** Rejects after `timeoutMs` with the job as it was last seen. */
  async until(jobId: string, what: (job: Job) => boolean, timeoutMs = UNTIL_MS, maxPollMs = MAX_POLL_MS): Promise<Job> {
    const deadline = Date.now() + timeoutMs;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(maxPollMs, pollMs * 1.2)) {
      const job = await this.job(jobId);
      if (what(job)) return job;
      if (Date.now() > deadline) throw new Error(`gave up on ${JSON.stringify(job)}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async ended(jobId: string, timeoutMs?: number): Promise<Job> {
    return this.until(jobId, (job) => TERMINAL.has(job.state), timeoutMs);
  }
}

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../../src/jobs/domain/job.js';
import { MODEL } from '../job-stage.js';
import type { RowFile } from '../rows.js';
import type { Tally } from '../tally.js';
import type { ClusterProcess } from './processes.js';

/** A request that has no answer by then is made again. */
const ANSWER_MS = 30_000;
const GIVE_UP_MS = 300_000;
const AGAIN_MS = 200;

/** Who uses the cluster: asks one API or the other, and again if there is no answer, or one that says to. */
export class ClusterClient {
  readonly #bodies = new Map<string, Buffer<ArrayBuffer>>();
  #turn = 0;

  constructor(
    private readonly apis: () => readonly ClusterProcess[],
    private readonly counts: { readonly tally: Tally },
  ) {}

  async createModel(id: string, schema: unknown): Promise<void> {
    await this.#ask('/models', () => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id, name: id, schema }),
    }));
  }

  /** Uploads a file, for the slow reader unless told otherwise, under one Idempotency-Key however often it takes; the job's id. */
  async createJob(file: RowFile, options: Record<string, string> = { csv_reader: 'reference' }): Promise<string> {
    const key = randomUUID();
    const body = this.#bodyOf(file);
    const headers = { 'idempotency-key': key, 'content-type': 'multipart/form-data; boundary=rows' };
    const text = await this.#ask(`/jobs?${new URLSearchParams({ model_id: MODEL, ...options })}`, () => ({
      method: 'POST',
      headers,
      body,
    }));
    return (JSON.parse(text) as Job).job_id;
  }

  async job(jobId: string): Promise<Job> {
    return JSON.parse(await this.#ask(`/jobs/${jobId}`)) as Job;
  }

  /** Resumes a job that failed; its state may be another one by then, after an answer that was lost. */
  async resume(jobId: string): Promise<void> {
    await this.#ask(`/jobs/${jobId}/resume`, () => ({ method: 'POST' }), [409]);
  }

  /** Takes out what a sink has of a job. */
  async removeSinkRows(jobId: string, name: string): Promise<void> {
    await this.#ask(`/jobs/${jobId}/sinks/${name}/rows`, () => ({ method: 'DELETE' }));
  }

  /** Loads a job that has ended into sinks; it may have them by then, after an answer that was lost. */
  async addSinks(jobId: string, sinks: readonly string[]): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ sinks });
    await this.#ask(`/jobs/${jobId}/sinks`, () => ({ method: 'POST', headers, body }), [409]);
  }

  /** Removes a job that has ended, with its topics and its file. */
  async purge(jobId: string): Promise<void> {
    await this.#ask(`/jobs/${jobId}?purge=true&force=true`, () => ({ method: 'DELETE' }), [404]);
  }

  /** In memory: a stream of fetch that is given up may throw later, where nobody can catch it. */
  #bodyOf({ path }: RowFile): Uint8Array<ArrayBuffer> {
    const head = '--rows\r\ncontent-disposition: form-data; name="file"; filename="rows.csv"\r\n\r\n';
    const body =
      this.#bodies.get(path) ?? Buffer.concat([Buffer.from(head), readFileSync(path), Buffer.from('\r\n--rows--\r\n')]);
    this.#bodies.set(path, body);
    return body;
  }

  /** The text of the answer. */
  async #ask(
    path: string,
    make: () => RequestInit | Promise<RequestInit> = () => ({}),
    alsoGood: readonly number[] = [],
  ): Promise<string> {
    for (const deadline = Date.now() + GIVE_UP_MS; ; await sleep(AGAIN_MS)) {
      const answer = await this.#once(path, await make());
      if (answer !== null) {
        const { status, text } = answer;
        if (status < 300 || alsoGood.includes(status)) return text;
        if (status < 500 && status !== 408) throw new Error(`${path}: ${status} ${text}`);
      }
      this.counts.tally.event(answer === null ? 'no answer' : `${answer.status} ${codeIn(answer.text)}`);
      if (Date.now() > deadline) throw new Error(`${path}: no good answer in ${GIVE_UP_MS} ms; last: ${answer?.text}`);
    }
  }

  /** null: no whole answer came. */
  async #once(path: string, init: RequestInit): Promise<{ status: number; text: string } | null> {
    const apis = this.apis();
    const url = apis[this.#turn++ % apis.length]?.url ?? null;
    if (url === null) return null;
    try {
      const response = await fetch(url + path, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
      return { status: response.status, text: await response.text() };
    } catch {
      return null;
    }
  }
}

/** The code of an error answer. */
function codeIn(problem: string): string {
  return /"error":"(\w+)"/.exec(problem)?.[1] ?? '';
}

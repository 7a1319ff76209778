import { JobWorker, type JobWorkerOptions } from '../../../src/jobs/coordination/job-worker.js';

describe('a worker that stops', () => {
  it('has the runners commit and gives the jobs back, though a claim gets no answer from the store', async () => {
    const stopped: string[] = [];
    const part = (name: string) => ({ stop: async () => void stopped.push(name) });
    const worker = new JobWorker({
      coordinator: { ...part('coordinator'), setRunners: () => undefined },
      pool: { ...part('pool'), onFree: () => undefined },
      claims: { stop: () => new Promise(() => undefined) },
      leases: part('leases'),
      brokers: part('brokers'),
      sinks: part('sinks'),
      presence: part('presence'),
      errorsLog: { close: async () => void stopped.push('errors log') },
    } as unknown as JobWorkerOptions);
    await worker.stop();
    expect(stopped).toEqual(['sinks', 'brokers', 'pool', 'coordinator', 'errors log', 'leases', 'presence']);
  });
});

import { MemoryNotifier } from '../../../src/jobs/queue/memory/memory-notifier.js';
import { describesJobNotifier } from '../../conformance/job-notifier.js';

describesJobNotifier('in memory', async () => {
  const notifier = new MemoryNotifier();
  return { connect: async () => notifier, dispose: async () => undefined };
});

describe('a notifier in memory', () => {
  it('loses, doubles and reorders nothing', async () => {
    const notifier = new MemoryNotifier();
    const heard: string[] = [];
    notifier.onWake((jobId) => heard.push(jobId));
    const jobs = Array.from({ length: 100 }, (_, at) => `job ${at}`);
    for (const jobId of jobs) notifier.notify(jobId);
    expect(heard).toEqual([]);
    await Promise.resolve();
    expect(heard).toEqual(jobs);
  });
});

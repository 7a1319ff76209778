import { createTopic } from '../../kit/cluster-queries.js';
import { holdJobs, POINTS } from '../held-jobs.js';
import type { Scenario } from '../stage.js';
import type { BrokersStage } from './brokers-stage.js';
import { JOBS, ROWS } from './node-kills.js';

/** Nothing of a job depends on the topic, which shows in the metadata of the cluster all the same. */
export const offlineTopics: Scenario<BrokersStage> = {
  name: 'offline-topics',
  what: "somebody else's topic without a leader: jobs go on, uploads are taken, the service starts",
  times: { long: 1, short: 0 },
  async run(stage, times) {
    await stage.enter({ JOB_CONCURRENCY: String(JOBS) });
    const file = stage.file(ROWS);
    for (let round = 0; round < times; round++) {
      const { jobIds, release } = await holdJobs(stage, file, [stage.pick(POINTS), stage.pick(POINTS)]);
      const node = stage.pick(stage.nodes);
      const topic = `somebody-elses-${round}`;
      await createTopic(stage.reachable, topic, [node]);
      await stage.takeAway(node, 'SIGKILL');
      await stage.offline(topic);
      stage.tally.fault('topic offline');
      release();
      await Promise.all(jobIds.map((jobId) => stage.api.ended(jobId)));
      await stage.service.kill('SIGTERM');
      await stage.restart();
      const next = await stage.createJob(file);
      await stage.api.ended(next);
      await stage.bringBack([node], 'restart');
      await stage.concluded([...jobIds, next], file);
    }
  },
};

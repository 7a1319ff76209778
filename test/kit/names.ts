import type { Job } from '../../src/jobs/domain/job.js';
import { type JobNames, jobNames, serviceTopics } from '../../src/kafka/names.js';

/** The default of KAFKA_TOPIC_PREFIX. */
export const TOPIC_PREFIX = 'batch';
export const SERVICE_TOPICS = serviceTopics(TOPIC_PREFIX);

/** What a job of this id has in Kafka under the default prefix. */
export function namesOf(jobId: string): JobNames {
  return jobNames({ topicPrefix: TOPIC_PREFIX, jobId });
}

/** As `namesOf`, whatever the prefix. */
export function namesOfJob({ job_id: jobId, topics }: Pick<Job, 'job_id' | 'topics'>): JobNames {
  return jobNames({ topicPrefix: topics.data.slice(0, -`_${jobId}`.length), jobId });
}

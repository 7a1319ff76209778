/** The topics of a job: accepted rows, rejected rows. */
export interface JobTopics {
  data: string;
  dlq: string;
}

export interface JobNames extends JobTopics {
  /** The group that holds the job's checkpoint, which nobody joins; also its transactional id. */
  group: string;
}

/** The topics that the service has for itself. */
export interface ServiceTopics {
  /** Compacted: the jobs, by id, at every change of state. */
  jobs: string;
  /** Its records say nothing but when the broker took them, see `readBrokerTime`. */
  clock: string;
}

/** No names of two jobs are the same, nor those of a job and a topic of the service, whatever the two prefixes. */
export function jobNames({ topicPrefix, jobId }: { topicPrefix: string; jobId: string }): JobNames {
  const data = `${topicPrefix}_${jobId}`;
  return { data, dlq: `${data}_dlq`, group: `${topicPrefix}.${jobId}` };
}

export function serviceTopics(topicPrefix: string): ServiceTopics {
  return { jobs: `${topicPrefix}.jobs`, clock: `${topicPrefix}.clock` };
}

/** The transactional id of whoever writes the topic of the jobs; no job has it. */
export function publisherId(topicPrefix: string): string {
  return `${topicPrefix}.publisher`;
}

/** The transactional id with which the brokers are tried, and the group that it names; no job has it. */
export function probeId(topicPrefix: string): string {
  return `${topicPrefix}.probe`;
}

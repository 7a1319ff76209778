import { setTimeout as sleep } from 'node:timers/promises';
import { alterConfigs } from '../kit/kafka-configs.js';
import type { Exchange, Interference } from '../kit/kafka-proxy.js';
import { holdJobs, POINTS } from './held-jobs.js';
import { deliveredOrClosed } from './outcome.js';
import type { RowFile } from './rows.js';
import { type Scenario, Stage } from './stage.js';

const ROWS = 200_000;
const JOBS = 2;
const PASSWORD = 'right-and-secret';
/** kafkajs renews a session 10 s before it ends: with this one, every 1.1 s. Kafka allows one renewal a second. */
const SESSION_MS = 11_100;
const RENEWED_AFTER_MS = 1_100;
/** A connection begins with its exchange; what comes later renews the session. */
const BEGINNING_REQUESTS = 5;
/** Instead of five minutes: a job whose transaction the broker cannot finish any more fails after this time. */
const UNAVAILABLE_AFTER_MS = 90_000;
const MECHANISMS = ['plain', 'scram-sha-512'] as const;
const FAULTS = ['SIGKILL', 'session over', 'SIGTERM'] as const;

const LISTENER = 'listener.name.proxied';
const LOGIN = 'org.apache.kafka.common.security';
const SETTINGS = [
  'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512',
  `${LISTENER}.plain.sasl.jaas.config=${LOGIN}.plain.PlainLoginModule required user_batch="${PASSWORD}";`,
  `${LISTENER}.scram-sha-512.sasl.jaas.config=${LOGIN}.scram.ScramLoginModule required;`,
  ...MECHANISMS.map((mechanism) => `${LISTENER}.${mechanism}.connections.max.reauth.ms=${SESSION_MS}`),
];

/** A separate broker, which lets nobody in without a password. */
export const saslRestarts: Scenario = {
  name: 'sasl-restarts',
  what: 'a broker with SASL killed or restarted in open transactions, and sessions that are over',
  times: { long: 6, short: 0 },
  async run({ seed, tally }, times) {
    const stage = await Stage.open(seed, { protocol: 'SASL_PLAINTEXT', settings: SETTINGS });
    stage.begin(tally);
    try {
      const user = ['--entity-type', 'users', '--entity-name', 'batch'];
      await alterConfigs(stage.broker.brokers, user, ['--add-config', `SCRAM-SHA-512=[password=${PASSWORD}]`]);
      for (let round = 0; round < times; round++) {
        await stage.enter({
          JOB_CONCURRENCY: String(JOBS),
          KAFKA_UNAVAILABLE_AFTER_MS: String(UNAVAILABLE_AFTER_MS),
          JOB_MAX_ATTEMPTS: '1',
          KAFKA_SASL_MECHANISM: MECHANISMS[round % MECHANISMS.length] as string,
          KAFKA_SASL_USERNAME: 'batch',
          KAFKA_SASL_PASSWORD: PASSWORD,
        });
        await interrupt(stage, stage.file(ROWS), FAULTS[round % FAULTS.length] as (typeof FAULTS)[number]);
      }
    } catch (error) {
      process.stdout.write(`${stage.lastLog()}\n`);
      throw error;
    } finally {
      tally.commits += stage.commits;
      await stage.close();
    }
  },
};

async function interrupt(stage: Stage, file: RowFile, fault: (typeof FAULTS)[number]): Promise<void> {
  const points = Array.from({ length: JOBS }, () => stage.pick(POINTS));
  const { jobIds, release } = await holdJobs(stage, file, points);
  const renewals = countRenewals(stage);
  if (fault === 'session over') {
    await sleep(RENEWED_AFTER_MS);
  } else {
    await stage.broker.kill(fault);
  }
  stage.tally.fault(fault);
  release();
  if (fault !== 'session over') await stage.broker.restart();
  for (const jobId of jobIds) await deliveredOrClosed(stage, jobId, file);
  if (renewals() > 0) stage.tally.event('sessions renewed');
  else if (fault === 'session over') stage.tally.fail('no session was renewed');
}

/** How many sessions of the service's connections are renewed from now on. */
function countRenewals(stage: Stage): () => number {
  let count = 0;
  const look = ({ api, correlationId }: Exchange): 'pass' => {
    if (api === 'SaslHandshake' && correlationId >= BEGINNING_REQUESTS) count += 1;
    return 'pass';
  };
  stage.interference = { request: look } satisfies Interference;
  return () => count;
}

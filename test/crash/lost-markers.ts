import { topicEnds } from '../../scripts/lib/topic-reader.mjs';
import type { Verdict } from '../kit/kafka-proxy.js';
import { runnerOf } from '../kit/runners.js';
import { FORCED, forceLostMarkers, kindOf, repairsOf } from './forced-markers.js';
import { jobOf, openTransactions } from './open-transactions.js';
import { deliveredOrClosed } from './outcome.js';
import type { RowFile } from './rows.js';
import { type Scenario, type Stage, signal, until } from './stage.js';

const ROWS = 60_000;
const JOBS_AT_A_TIME = 10;
const SUCCESSORS_MS = 180_000;
const ANSWER_MS = 60_000;
/**
 * The broker dies within so long of its first answer, which says that an end is decided: about 20 to 80 ms after the
 * requests on a machine that is not busy. Markers are written meanwhile.
 */
const MARKERS_MS = 60;
const END_MS = 300_000;
const UNAVAILABLE_AFTER_MS = 60_000;

/**
 * Kafka 4.3 loses transaction markers when its broker dies before it has written them (KAFKA-20734). Jobs end their
 * transactions side by side, by a successor's fence or by a commit, and the broker is killed meanwhile. What has not come
 * about by itself is forced at the end.
 */
export const lostMarkers: Scenario = {
  name: 'lost-markers',
  what: `kill -9 of the only broker while ${JOBS_AT_A_TIME} jobs fence or commit; what was not met is forced`,
  // Jobs, not kills.
  times: { long: 300, short: FORCED.length },
  async run(stage, times) {
    await stage.enter({
      JOB_CONCURRENCY: String(JOBS_AT_A_TIME),
      KAFKA_UNAVAILABLE_AFTER_MS: String(UNAVAILABLE_AFTER_MS),
      JOB_MAX_ATTEMPTS: '1',
    });
    const file = stage.file(ROWS);
    const met = new Set<string>();
    const rounds = Math.floor((times - FORCED.length) / JOBS_AT_A_TIME);
    for (let round = 0; round < rounds; round++) {
      await killBroker(stage, file, round % 3 === 2 ? 'commits' : 'fences', met);
    }
    await forceLostMarkers(
      stage,
      file,
      FORCED.filter((markers) => !met.has(kindOf(markers))),
    );
  },
};

async function killBroker(stage: Stage, file: RowFile, moment: 'fences' | 'commits', met: Set<string>): Promise<void> {
  const { jobIds, release } = await openTransactions(
    stage,
    file,
    JOBS_AT_A_TIME,
    moment === 'fences' ? 'AddOffsetsToTxn' : 'EndTxn',
  );
  const decided =
    moment === 'fences' ? await fenceTogether(stage, jobIds) : firstAnswer(stage, 'EndTxn', new Set(jobIds));
  if (moment === 'commits') release();
  await until('the first answer', ANSWER_MS, decided);
  await stage.pause(MARKERS_MS);
  await stage.broker.kill('SIGKILL');
  stage.tally.fault(`kill -9 in ${moment}`);
  const open = watchFences(stage, jobIds);
  await stage.broker.restart();
  await Promise.all(jobIds.map((jobId) => stage.api.ended(jobId, END_MS)));
  for (const jobId of jobIds) {
    const outcome = await deliveredOrClosed(stage, jobId, file);
    const kinds = repairsOf(stage, jobId);
    for (const kind of kinds) {
      met.add(kind);
      stage.tally.event(`met: ${kind}`);
    }
    if (kinds.length > 0) stage.tally.event(outcome === 'delivered' ? 'repaired' : 'not repaired');
    else if (!open.has(jobId)) stage.tally.event('met: no open transaction');
    else stage.tally.event(outcome === 'delivered' ? 'met: late markers' : 'met: open until the end');
  }
}

/** Kills the runners, and lets the fences of all their successors through at once; see `firstAnswer`. */
async function fenceTogether(stage: Stage, jobIds: readonly string[]): Promise<() => true | undefined> {
  const waiting = new Set<string>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  stage.proxy.interference = {
    async request(exchange): Promise<Verdict> {
      const jobId = jobOf(exchange);
      if (exchange.api !== 'InitProducerId' || jobId === null) return 'pass';
      waiting.add(jobId);
      await released;
      return 'pass';
    },
  };
  for (const jobId of jobIds) {
    const pid = runnerOf(stage.service, jobId);
    if (pid !== undefined) signal(pid);
  }
  try {
    const all = () => (jobIds.every((jobId) => waiting.has(jobId)) ? true : undefined);
    await until(`the fences of ${jobIds.length} jobs`, SUCCESSORS_MS, all);
    return firstAnswer(stage, 'InitProducerId', new Set(jobIds));
  } finally {
    release();
  }
}

/** true once the broker has answered such a request of one of the jobs; a fence first by CONCURRENT_TRANSACTIONS. */
function firstAnswer(stage: Stage, api: string, jobIds: ReadonlySet<string>): () => true | undefined {
  let answered: true | undefined;
  stage.proxy.interference = {
    reply(exchange) {
      if (exchange.api === api && jobIds.has(jobOf(exchange) ?? '')) answered = true;
      return 'pass';
    },
  };
  return () => answered;
}

/** Fills the set that it returns: jobs with a transaction open in a topic when their next fence was answered. */
function watchFences(stage: Stage, jobIds: readonly string[]): ReadonlySet<string> {
  const left = new Set(jobIds);
  const open = new Set<string>();
  stage.proxy.interference = {
    // The runner does not know yet that it has fenced, so nothing can be open that is not older.
    async reply(exchange): Promise<Verdict> {
      const jobId = jobOf(exchange);
      if (exchange.api !== 'InitProducerId' || exchange.error !== 0 || jobId === null) return 'pass';
      if (!left.delete(jobId)) return 'pass';
      const { topics } = await stage.api.job(jobId);
      for (const topic of [topics.data, topics.dlq]) {
        const { readable, written } = await topicEnds(stage.broker.brokers, topic);
        if (readable < written) open.add(jobId);
      }
      return 'pass';
    },
  };
  return open;
}

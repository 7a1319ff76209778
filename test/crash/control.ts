import { Kafka, logLevel, type Producer } from 'kafkajs';
import type { Interference } from '../kit/kafka-proxy.js';
import { compare } from './comparison.js';
import { makeRow, type RowFile } from './rows.js';
import type { Scenario, Stage } from './stage.js';

const ROWS = 20_000;
const BATCH_ROWS = 500;

/** What a writer without transactions does when a send fails: each is wrong in its own way. */
const WRITERS = {
  doubled: { what: 'sends a batch again whose reply was lost', fault: 'reply', onFailure: 'again' },
  lost: { what: 'goes on behind a batch that was lost', fault: 'request', onFailure: 'skip' },
  reordered: { what: 'sends a lost batch again behind the next one', fault: 'request', onFailure: 'later' },
} as const;

/** Shows that the comparison can fail: what it does not catch here, it would not catch elsewhere. */
export const control: Scenario = {
  name: 'control',
  what: 'wrong writers under the same faults, which the comparison must catch',
  times: { long: 10, short: 1 },
  async run(stage, times) {
    const file = stage.file(ROWS);
    for (let round = 0; round < times; round++) {
      for (const kind of ['doubled', 'lost', 'reordered'] as const) {
        const topic = `control_${kind}_${round}`;
        const topics = { data: topic, dlq: `${topic}_dlq` };
        await createTopics(stage, Object.values(topics));
        await write(stage, topic, file, WRITERS[kind]);
        // The rejected rows are left out on both sides: without them this is a file of accepted rows.
        const found = await compare(stage.broker.brokers, topics, topic, { ...file, rejected: new Uint32Array() });
        if (found[kind] > 0) stage.tally.event(`caught: ${WRITERS[kind].what}`);
        else stage.tally.fail(`not caught: ${WRITERS[kind].what}: ${JSON.stringify(found)}`);
        const others = (['doubled', 'lost', 'reordered'] as const).filter(
          (other) => other !== kind && found[other] > 0,
        );
        if (others.length > 0) stage.tally.fail(`mistaken for ${others.join()}: ${WRITERS[kind].what}`);
        stage.tally.jobs += 1;
      }
    }
  },
};

async function write(
  stage: Stage,
  topic: string,
  file: RowFile,
  { fault, onFailure }: (typeof WRITERS)[keyof typeof WRITERS],
): Promise<void> {
  stage.proxy.interference = dropSome(stage, fault);
  const kafka = new Kafka({
    brokers: [stage.proxy.address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  });
  const later: number[][] = [];
  for (let at = 0; at < file.accepted.length; at += BATCH_ROWS) {
    const batch = [...file.accepted.subarray(at, at + BATCH_ROWS)];
    const isSent = await send(kafka, topic, batch, file);
    if (isSent) for (const waiting of later.splice(0)) await insist(kafka, topic, waiting, file);
    else if (onFailure === 'again') await insist(kafka, topic, batch, file);
    else if (onFailure === 'later') later.push(batch);
  }
  stage.proxy.interference = {};
  for (const waiting of later) await insist(kafka, topic, waiting, file);
}

/** The first batches meet a fault, so that a loss is never at the end; then about one in eight. */
function dropSome(stage: Stage, what: 'request' | 'reply'): Interference {
  let count = 0;
  const drops = ({ api }: { api: string }) => {
    if (api !== 'Produce') return 'pass';
    count += 1;
    if (count !== 3 && stage.random(8) !== 0) return 'pass';
    stage.tally.fault(`${what} dropped`);
    return 'cut';
  };
  return what === 'request' ? { request: drops } : { reply: drops };
}

async function insist(kafka: Kafka, topic: string, numbers: number[], file: RowFile): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) if (await send(kafka, topic, numbers, file)) return;
  throw new Error('50 sends failed');
}

/** On a separate connection. */
async function send(kafka: Kafka, topic: string, numbers: number[], { seed }: RowFile): Promise<boolean> {
  const producer: Producer = kafka.producer({ retry: { retries: 0 } });
  await producer.connect();
  try {
    await producer.send({ topic, messages: numbers.map((number) => ({ value: makeRow(seed, number).text })) });
    return true;
  } catch {
    return false; // what this writer makes of it is the experiment
  } finally {
    await producer.disconnect();
  }
}

async function createTopics(stage: Stage, names: string[]): Promise<void> {
  const admin = new Kafka({ brokers: [stage.broker.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: names.map((topic) => ({ topic, numPartitions: 1 })) });
  await admin.disconnect();
}

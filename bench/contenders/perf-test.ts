import { resolve } from 'node:path';
import type { Broker } from '../../test/kit/kafka-broker.js';
import type { Input } from '../inputs.js';
import type { Contender } from '../runs.js';
import { createTopic } from '../topics.js';
import { runChild } from './child.js';

const TOPIC = 'perf-test';
/** The tool takes the last of several such flags only: all settings stand behind one. */
const SETTINGS = ['acks=all', 'batch.size=1000000', 'linger.ms=10', 'buffer.memory=67108864'];

/**
 * Kafka's own kafka-producer-perf-test: random records of the input's average size, as many as it has rows. Reads no
 * file. Its speed is what it says itself, which leaves out the start of its JVM.
 */
export function perfTest({ brokers }: Broker, input: Input): Contender {
  return {
    name: 'kafka-producer-perf-test',
    input,
    async run() {
      await createTopic(brokers, TOPIC);
      const { output, cpuSeconds } = await runChild('java', [
        '-Xmx512m',
        '-cp',
        resolve('.cache/kafka/libs/*'),
        'org.apache.kafka.tools.ProducerPerformance',
        `--topic=${TOPIC}`,
        `--num-records=${input.rows}`,
        `--record-size=${input.recordBytes}`,
        '--throughput=-1',
        '--command-property',
        `bootstrap.servers=${brokers}`,
        ...SETTINGS,
      ]);
      const perSecond = recordsPerSecond(output);
      return { bytes: input.bytes, seconds: input.rows / perSecond, cpuSeconds };
    },
  };
}

/** From its last line: `N records sent, R records/sec (M MB/sec), …`. */
function recordsPerSecond(output: string): number {
  const figures = [...output.matchAll(/records sent, ([\d.]+) records\/sec/g)];
  const perSecond = Number(figures.at(-1)?.[1]);
  if (!(perSecond > 0))
    throw new Error(`kafka-producer-perf-test did not say how fast it was:\n${output.slice(-2_000)}`);
  return perSecond;
}

import type { Broker } from '../../test/kit/kafka-broker.js';
import type { Input } from '../inputs.js';
import type { Contender } from '../runs.js';
import { createTopic } from '../topics.js';
import { lastLine, runProgram } from './child.js';

const TOPIC = 'csv-parse-kafkajs';

/** What a TypeScript engineer would write first. */
export function csvParseKafkajs({ brokers }: Broker, input: Input): Contender {
  return {
    name: 'csv-parse + kafkajs',
    input,
    async run() {
      await createTopic(brokers, TOPIC);
      const { output, cpuSeconds } = await runProgram('bench/programs/csv-parse-kafkajs.ts', [
        brokers,
        input.path,
        TOPIC,
      ]);
      return { bytes: input.bytes, cpuSeconds, seconds: lastLine<{ seconds: number }>(output).seconds };
    },
  };
}

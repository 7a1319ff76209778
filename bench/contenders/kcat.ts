import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Broker } from '../../test/kit/kafka-broker.js';
import type { Input } from '../inputs.js';
import type { Contender } from '../runs.js';
import { createTopic } from '../topics.js';
import { runChild } from './child.js';

const TOPIC = 'kcat';
/** With batches as large as ours; its defaults are slower. */
const SETTINGS = [
  'acks=all',
  'linger.ms=10',
  'batch.size=1000000',
  'batch.num.messages=100000',
  'queue.buffering.max.messages=1000000',
];

/** The path of kcat, found by PATH; undefined if it is not installed. */
export function findKcat(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'kcat'))
    .find((path) => existsSync(path));
}

/** kcat (librdkafka): each line as it is. Splits quoted line ends, drops empty lines, knows no columns. */
export function kcat(command: string, { brokers }: Broker, input: Input): Contender {
  const settings = SETTINGS.flatMap((setting) => ['-X', setting]);
  return {
    name: 'kcat -P -l',
    input,
    async run() {
      await createTopic(brokers, TOPIC);
      const args = ['-P', '-b', brokers, '-t', TOPIC, '-p', '0', ...settings, '-l', input.path];
      const { seconds, cpuSeconds } = await runChild(command, args);
      return { bytes: input.bytes, seconds, cpuSeconds };
    },
  };
}

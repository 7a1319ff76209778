import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

/** The first `count` lines that Kafka's own console consumer prints of a topic at read_committed. */
export async function consumeByConsole(brokers: string, topic: string, count: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)('java', [
    '-cp',
    resolve('.cache/kafka/libs/*'),
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...['--bootstrap-server', brokers, '--topic', topic, '--from-beginning'],
    ...['--command-property', 'isolation.level=read_committed', '--max-messages', String(count)],
    ...['--timeout-ms', '20000'],
  ]);
  return stdout.split('\n').filter((line) => line !== '');
}

import { runKafkaTool } from './kafka-tool.js';

/** The first `count` lines that Kafka's own console consumer prints of a topic at read_committed. */
export async function consumeByConsole(brokers: string, topic: string, count: number): Promise<string[]> {
  const printed = await runKafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', brokers, '--topic', topic, '--from-beginning'],
    ...['--command-property', 'isolation.level=read_committed', '--max-messages', String(count)],
    ...['--timeout-ms', '60000'],
  ]);
  return printed.split('\n').filter((line) => line !== '');
}

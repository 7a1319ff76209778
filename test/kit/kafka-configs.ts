import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

/**
 * Changes what a broker keeps of users or clients, by Kafka's own kafka-configs tool: `entity` such as
 * `--entity-type users --entity-name batch`, `change` such as `--add-config producer_byte_rate=200000`.
 */
export async function alterConfigs(brokers: string, entity: string[], change: string[]): Promise<void> {
  const tool = ['-cp', resolve('.cache/kafka/libs/*'), 'kafka.admin.ConfigCommand', '--bootstrap-server', brokers];
  await promisify(execFile)('java', [...tool, ...entity, '--alter', ...change]);
}

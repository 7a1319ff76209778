import { runKafkaTool } from './kafka-tool.js';

/**
 * Changes what a broker keeps of users or clients, by Kafka's own kafka-configs tool: `entity` such as
 * `--entity-type users --entity-name batch`, `change` such as `--add-config producer_byte_rate=200000`.
 */
export async function alterConfigs(brokers: string, entity: string[], change: string[]): Promise<void> {
  await runKafkaTool('kafka.admin.ConfigCommand', ['--bootstrap-server', brokers, ...entity, '--alter', ...change]);
}

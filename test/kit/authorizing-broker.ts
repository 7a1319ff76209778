import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AclEntry,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs';
import { type Broker, startBroker } from './kafka-broker.js';
import { SERVICE_TOPICS, TOPIC_PREFIX } from './names.js';
import { freePort } from './ports.js';

const PASSWORD = 'right';
const WITHIN_MS = 60_000;
const RESOURCES = {
  Topic: AclResourceTypes.TOPIC,
  Group: AclResourceTypes.GROUP,
  TransactionalId: AclResourceTypes.TRANSACTIONAL_ID,
};

export interface AuthorizingBroker {
  /** At its `brokers` everybody may do everything. */
  readonly broker: Broker;
  /** Where the service's user has the permissions that `grant` gave it. */
  readonly secured: string;
  /** The settings with which the service is let in there. */
  readonly env: Record<string, string>;
  /** Makes these the only permissions; resolves when the broker has them. */
  grant(permissions: readonly AclEntry[]): Promise<void>;
  stop(): Promise<void>;
}

/** A broker that checks the permissions of one user, `batch`, who has none yet; batch.jobs is there. */
export async function startAuthorizingBroker(): Promise<AuthorizingBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'batch-authorizing-'));
  const secured = `127.0.0.1:${await freePort()}`;
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const settings = [
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN',
    `listener.name.sasl_plaintext.plain.sasl.jaas.config=${login} required user_batch="${PASSWORD}";`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users=User:ANONYMOUS',
  ];
  const properties = join(dir, 'broker.properties');
  await writeFile(properties, `${settings.join('\n')}\n`);
  const broker = await startBroker({ listener: `SASL_PLAINTEXT://${secured}`, properties });
  const admin = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const compact = [{ name: 'cleanup.policy', value: 'compact' }];
  await admin.createTopics({ topics: [{ topic: SERVICE_TOPICS.jobs, configEntries: compact }], waitForLeaders: false });
  return {
    broker,
    secured,
    env: {
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'batch',
      KAFKA_SASL_PASSWORD: PASSWORD,
      // The documented permissions name it; one service after the other comes with its own data.
      KAFKA_TOPIC_PREFIX: TOPIC_PREFIX,
      KAFKA_ADOPT_PREFIX: 'true',
    },
    grant: (permissions) => grant(admin, [...permissions]),
    async stop() {
      await admin.disconnect();
      await broker.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function grant(admin: Admin, acl: AclEntry[]): Promise<void> {
  const all = {
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ANY,
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
  };
  await admin.deleteAcls({ filters: [all] });
  if (acl.length > 0) await admin.createAcls({ acl });
  for (const deadline = Date.now() + WITHIN_MS; ; await sleep(50)) {
    const { resources } = await admin.describeAcls(all);
    if (resources.reduce((sum, { acls }) => sum + acls.length, 0) === acl.length) return;
    if (Date.now() > deadline) throw new Error(`the permissions are ${JSON.stringify(resources)}`);
  }
}

/** What the table of docs/operations.md says that the service needs. */
export async function documentedPermissions(): Promise<AclEntry[]> {
  const text = await readFile('docs/operations.md', 'utf8');
  const rows = text.matchAll(/^\| (Topic|Group|TransactionalId) \| `([^`*]+)(\*?)` \| ([A-Z, ]+) \|/gm);
  return [...rows].flatMap(([, resource, name, isPrefix, operations]) =>
    (operations as string).split(', ').map((operation) => ({
      resourceType: RESOURCES[resource as keyof typeof RESOURCES],
      resourceName: name as string,
      resourcePatternType: isPrefix === '*' ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
      principal: 'User:batch',
      host: '*',
      operation: AclOperationTypes[operation as keyof typeof AclOperationTypes],
      permissionType: AclPermissionTypes.ALLOW,
    })),
  );
}

/** Not among them: with it the service sees the settings of the brokers. */
export const DESCRIBE_CONFIGS: AclEntry = {
  resourceType: AclResourceTypes.CLUSTER,
  resourceName: 'kafka-cluster',
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: 'User:batch',
  host: '*',
  operation: AclOperationTypes.DESCRIBE_CONFIGS,
  permissionType: AclPermissionTypes.ALLOW,
};

/** All but those for this resource (and, if it is named, this operation). */
export function withoutPermission(
  permissions: readonly AclEntry[],
  resourceType: AclResourceTypes,
  operation?: AclOperationTypes,
): AclEntry[] {
  return permissions.filter(
    (entry) => entry.resourceType !== resourceType || (operation !== undefined && entry.operation !== operation),
  );
}

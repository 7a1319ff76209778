import { createRequire } from 'node:module';

interface MetadataRequest {
  encode(): Promise<{ buf: Buffer }>;
}
type Build = (asked: { topics: readonly string[] }) => { request: MetadataRequest; response: object };
interface Definition {
  protocol(version: { version: number }): Build;
}

const changed = new WeakSet<Definition>();

/**
 * kafkajs 2.2.4 asks for the metadata of every topic of the cluster if it wants none (protocol/encoder.js): when a client
 * connects, looks for a coordinator, or describes the cluster. That is 70 bytes for each topic, and it fails altogether if
 * a single one of them, whoever's it is, has no leader. From here on it asks for none. Its listTopics finds none, then.
 * Throws if kafkajs has changed.
 */
export function askForNamedTopicsOnly(): void {
  const definition = createRequire(import.meta.url)('kafkajs/src/protocol/requests/metadata') as Definition;
  if (typeof definition.protocol !== 'function') throw new Error('kafkajs has another Metadata: see named-topics.ts');
  if (changed.has(definition)) return;
  changed.add(definition);
  const { protocol } = definition;
  definition.protocol = ({ version }) => {
    const build = protocol({ version });
    return (asked) => {
      const { request, response } = build(asked);
      // Version 0 has no other way to ask for none than to ask for all.
      if (version === 0 || asked.topics.length > 0) return { request, response };
      return { request: { ...request, encode: () => withoutTopics(request) }, response };
    };
  };
}

/** The list of topics comes first: a count of −1 stands for all. */
async function withoutTopics(request: MetadataRequest): Promise<{ buf: Buffer }> {
  const encoder = await request.encode();
  encoder.buf.writeInt32BE(0, 0);
  return encoder;
}

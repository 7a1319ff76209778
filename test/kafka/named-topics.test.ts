import { createRequire } from 'node:module';
import { kafkaAt } from '../kit/kafka-client.js';

type Build = (asked: { topics: string[] }) => { request: { encode(): Promise<{ buffer: Buffer }> } };

/** The body of kafkajs' Metadata request in a process with a client of ours. */
async function metadataRequest(version: number, topics: string[]): Promise<string> {
  kafkaAt('127.0.0.1:1');
  const { protocol } = createRequire(import.meta.url)('kafkajs/src/protocol/requests/metadata') as {
    protocol(version: { version: number }): Build;
  };
  const { buffer } = await protocol({ version })({ topics }).request.encode();
  return buffer.toString('hex');
}

describe("kafkajs' request for metadata", () => {
  it.each([
    [1, '00000000'],
    [6, '0000000001'],
  ])('in version %s asks for no topic if it wants none', async (version, body) => {
    expect(await metadataRequest(version, [])).toBe(body);
  });

  it('asks for those that it wants', async () => {
    expect(await metadataRequest(6, ['a'])).toBe('0000000100016101');
  });
});

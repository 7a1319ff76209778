import { readFileSync } from 'node:fs';
import type { Broker } from '../../src/kafka/kafkajs-internals.js';
import { missingApis, REQUIRED_APIS, requireApis } from '../../src/kafka/required-apis.js';

type Versions = NonNullable<Broker['versions']>;

/** What Apache Kafka 4.3.1 answered to ApiVersions: API key, lowest and highest version. */
const RECORDED = JSON.parse(
  readFileSync(new URL('../fixtures/kafka/api-versions-4.3.1.json', import.meta.url), 'utf8'),
) as [number, number, number][];

function answer(change: Versions = {}): Versions {
  const versions = Object.fromEntries(
    RECORDED.map(([apiKey, minVersion, maxVersion]) => [apiKey, { minVersion, maxVersion }]),
  );
  return { ...versions, ...change };
}

describe('the APIs that a job needs', () => {
  it('are all there in Kafka 4.3.1', () => {
    expect(missingApis(answer())).toBeNull();
    expect(() => requireApis({ versions: answer() } as Broker)).not.toThrow();
  });

  it.each(REQUIRED_APIS)('$apiName is missed', ({ apiKey, apiName, lowest, highest }) => {
    expect(missingApis(answer({ [apiKey]: undefined }))).toBe(`no ${apiName}`);
    const needed = lowest === highest ? lowest : `${lowest} to ${highest}`;
    const newer = { minVersion: highest + 1, maxVersion: highest + 2 };
    expect(missingApis(answer({ [apiKey]: newer }))).toBe(
      `${apiName} in the versions ${highest + 1} to ${highest + 2}, not ${needed}`,
    );
    if (lowest === 0) return;
    const older = { minVersion: 0, maxVersion: lowest - 1 };
    expect(missingApis(answer({ [apiKey]: older }))).toBe(
      `${apiName} in the versions 0 to ${lowest - 1}, not ${needed}`,
    );
    expect(missingApis(answer({ [apiKey]: { minVersion: 0, maxVersion: lowest } }))).toBeNull();
  });

  it('are named together', () => {
    const versions = answer({ 9: { minVersion: 0, maxVersion: 6 }, 28: undefined });
    const missing = 'OffsetFetch in the versions 0 to 6, not 7, no TxnOffsetCommit';
    expect(missingApis(versions)).toBe(missing);
    expect(() => requireApis({ versions } as Broker)).toThrow(
      expect.objectContaining({ code: 'KAFKA_UNSUPPORTED', message: `The broker offers ${missing}` }),
    );
  });
});

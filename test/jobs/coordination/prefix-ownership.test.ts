import { pino } from 'pino';
import { PrefixOwnership } from '../../../src/jobs/coordination/prefix-ownership.js';
import { InstallationStore } from '../../../src/jobs/store/installation-store.js';
import { type Installation, PrefixTaken, serviceTopics } from '../../../src/kafka/index.js';
import { protocolError } from '../../../src/kafka/kafka-failure.js';
import { openStore, type StoreFixture } from '../support/store-fixture.js';

const UNAVAILABLE = 15;
const TOPIC_AUTHORIZATION_FAILED = 29;

let fixture: StoreFixture;
/** What the topic says to each claim, and with what each was made. */
let answer: () => Promise<{ offset: number; adoptedFrom: string | null }>;
let claims: { own: Installation; adopts: boolean }[];

beforeEach(async () => {
  fixture = await openStore();
  claims = [];
  answer = async () => ({ offset: claims.length, adoptedFrom: null });
});
afterEach(() => fixture.close());

function ownershipOf({ adopts = false } = {}): PrefixOwnership {
  return new PrefixOwnership({
    store: new InstallationStore(fixture.db),
    topics: { service: serviceTopics('batch'), ensureJobsTopic: async () => undefined },
    claim: async (_, own, adopts) => {
      claims.push({ own, adopts });
      return answer();
    },
    topicPrefix: 'batch',
    adopts,
    log: pino({ level: 'silent' }),
  });
}

describe('the topic prefix', () => {
  it('is claimed behind the last claim, under the same id, by each start', async () => {
    await ownershipOf().check();
    await ownershipOf().check();
    const [first, second] = claims.map(({ own }) => own);
    expect([first?.claimOffset, second?.claimOffset]).toEqual([null, 1]);
    expect(second?.id).toBe(first?.id);
  });

  it('is adopted once by a start that may, and not taken back', async () => {
    const ownership = ownershipOf({ adopts: true });
    await ownership.check();
    await ownership.check();
    expect(claims.map(({ adopts }) => adopts)).toEqual([true, false]);
  });

  it('that a running service loses ends it, and is not asked for again', async () => {
    const ownership = ownershipOf();
    await ownership.require();
    answer = () => Promise.reject(new PrefixTaken('other'));
    await expect(ownership.check()).rejects.toMatchObject({ code: 'KAFKA_REJECTED' });
    const message = expect.stringContaining('belongs to installation other');
    expect(await ownership.refused).toMatchObject({ message });
    await expect(ownership.require()).rejects.toMatchObject({ message });
    expect([claims.length, ownership.refusal]).toEqual([2, message]);
  });

  it.each([
    [UNAVAILABLE, 'KAFKA_UNAVAILABLE', false],
    [TOPIC_AUTHORIZATION_FAILED, 'KAFKA_REJECTED', true],
  ])('that the brokers answer with error %i is said to be %s', async (error, code, isNeeded) => {
    const ownership = ownershipOf();
    answer = () => Promise.reject(protocolError(error, 'Fetch'));
    await expect(ownership.require()).rejects.toMatchObject({ code });
    await ownership.firstAnswer(60_000); // no refusal: the start goes on
    const message = expect.stringContaining('the topic prefix is not claimed: ');
    expect([ownership.trouble(), ownership.refusal]).toEqual([message, isNeeded ? message : null]);
    answer = async () => ({ offset: 1, adoptedFrom: null });
    await ownership.require();
    expect([ownership.trouble(), ownership.refusal]).toEqual([null, null]);
  });

  it('that cannot be checked any more still takes uploads, and says that it is not known to be ours', async () => {
    const ownership = ownershipOf();
    await ownership.check();
    answer = () => Promise.reject(protocolError(TOPIC_AUTHORIZATION_FAILED, 'Fetch'));
    await expect(ownership.check()).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED');
    await ownership.require();
    expect(ownership.trouble()).toContain('it is not known whether the topic prefix is still ours');
    expect(ownership.refusal).toBeNull();
  });
});

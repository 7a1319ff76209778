import fc from 'fast-check';
import { jobNames, serviceTopics } from '../../src/kafka/names.js';

const letter = (letters: string): fc.Arbitrary<string> => fc.constantFrom(...letters);
const prefixes = fc
  .tuple(letter('ab'), fc.string({ unit: letter('ab01._-'), maxLength: 14 }))
  .map(([first, rest]) => `${first}${rest}`);
const jobIds = fc.string({ unit: letter('ab01'), minLength: 8, maxLength: 8 });

describe('the names in Kafka', () => {
  it('begin with the prefix', () => {
    expect(jobNames({ topicPrefix: 'batch', jobId: 'a1b2c3d4' })).toEqual({
      data: 'batch_a1b2c3d4',
      dlq: 'batch_a1b2c3d4_dlq',
      group: 'batch.a1b2c3d4',
    });
    expect(serviceTopics('eu.orders-2')).toEqual({ jobs: 'eu.orders-2.jobs', clock: 'eu.orders-2.clock' });
  });

  it('are of one job or service only, even if one prefix begins with the other', () => {
    const job = fc.record({ topicPrefix: prefixes, jobId: jobIds });
    // A prefix that looks like a name of the other's is what would be mistaken for it.
    const pairs = job.chain((one) => {
      const { data, dlq, group } = jobNames(one);
      const other = fc.constantFrom(one.topicPrefix, data, dlq, group, data.slice(0, -9), dlq.slice(0, -9));
      return fc.tuple(fc.constant(one), fc.record({ topicPrefix: fc.oneof(prefixes, other), jobId: jobIds }));
    });
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        fc.pre(one.topicPrefix !== other.topicPrefix || one.jobId !== other.jobId);
        const topicsOf = (names: typeof one): string[] => {
          const { data, dlq } = jobNames(names);
          return [data, dlq, ...Object.values(serviceTopics(names.topicPrefix))];
        };
        const isSame = one.topicPrefix === other.topicPrefix;
        const shared = topicsOf(one).filter((topic) => topicsOf(other).includes(topic));
        expect(shared).toEqual(isSame ? Object.values(serviceTopics(one.topicPrefix)) : []);
        expect(jobNames(one).group).not.toBe(jobNames(other).group);
      }),
    );
  });
});

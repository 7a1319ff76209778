import { decodeAlterConfigs, encodeAlterConfigs } from '../../src/kafka/alter-configs.js';
import { decodeFetch, decodeFetchAnswer, encodeFetch } from '../../src/kafka/batch-headers.js';
import { decodeMetadataLevel, knownDefect } from '../../src/kafka/broker-features.js';
import { compactString } from '../../src/kafka/compact-codec.js';
import { decodeDescribeGroups, decodeMetadata, encodeMetadata } from '../../src/kafka/described-cluster.js';
import { decodeDescribeProducers, decodeWriteTxnMarkers } from '../../src/kafka/producer-state.js';
import { decodeCreateTopics, decodeDeleteTopics, encodeCreateTopics } from '../../src/kafka/topic-requests.js';
import { partitionOfGroup } from '../../src/kafka/transactional-session.js';

const NO_TAGS = '00';

/** Bytes as in Kafka's protocol guide, in hexadecimal; blanks are for the reader. */
function bytes(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part.replaceAll(' ', ''), 'hex') : part)),
  );
}

describe('CreateTopics v6', () => {
  it('asks for one partition, the replication factor and the configs of each topic', () => {
    const settings = { topics: ['a', 'bc'], replicationFactor: 3, config: { k: 'v' }, timeoutMs: 258 };
    const topic = '00000001 0003 01 02 02 6b 02 76 00 00';
    expect(encodeCreateTopics({ ...settings, validateOnly: false })).toEqual(
      bytes('03', '02 61', topic, '03 6263', topic, '00000102', '00', NO_TAGS),
    );
    expect(encodeCreateTopics({ ...settings, validateOnly: true }).at(-2)).toBe(1);
  });

  it('gives what is said of each topic', () => {
    const refused = (name: string, error: string, message: string) =>
      bytes(name, error, message, 'ffffffff ffff 01', NO_TAGS);
    const configs = bytes('02', compactString('k'), compactString('v'), '00 05 00', NO_TAGS);
    const created = bytes('02 61', '0000', '00', '00000001 0003', configs, '01 00 02 001d');
    const topics = [created, refused('02 62', '0026', '03 6869'), refused('02 63', '0024', '00')];
    expect(decodeCreateTopics(bytes(NO_TAGS, '00000007', '04', ...topics, NO_TAGS))).toEqual({
      throttleMs: 7,
      results: [
        { error: 0, message: null, replicationFactor: 3 },
        { error: 38, message: 'hi', replicationFactor: null },
        { error: 36, message: null, replicationFactor: null },
      ],
    });
  });
});

describe('DeleteTopics v5', () => {
  it('gives what is said of each topic', () => {
    const topic = bytes('02 61', '0003', '03 6e6f', NO_TAGS);
    expect(decodeDeleteTopics(bytes(NO_TAGS, '00000000', '02', topic, NO_TAGS))).toEqual({
      throttleMs: 0,
      results: [{ error: 3, message: 'no', replicationFactor: null }],
    });
  });
});

describe('IncrementalAlterConfigs v1', () => {
  it('sets one config of each topic, and leaves the others as they are', () => {
    const config = '02 02 6b 00 02 76 00 00';
    expect(encodeAlterConfigs(['a', 'bc'], 'k', 'v')).toEqual(
      bytes('03', '02 02 61', config, '02 03 6263', config, '00', NO_TAGS),
    );
  });

  it('gives what is said of each topic', () => {
    const done = bytes('0000 00', '02', compactString('a'), NO_TAGS);
    const refused = bytes('001d', compactString('no'), '02', compactString('bc'), NO_TAGS);
    expect(decodeAlterConfigs(bytes(NO_TAGS, '00000000', '03', done, refused, NO_TAGS))).toEqual([
      { error: 0, message: null },
      { error: 29, message: 'no' },
    ]);
  });
});

describe('Fetch v10', () => {
  const HEAD = '00000000 0000 00000000 00000001 0001 74 00000001 00000000';
  const OFFSETS = '0000000000000009 0000000000000009 0000000000000000';
  /** A record batch of `count` records and one byte of them. */
  const batch = (baseOffset: string, attributes: string, count: string, producerId: string) =>
    `${baseOffset} 00000032 00000000 02 00000000 ${attributes} ${count} ${'00'.repeat(16)} ${producerId} 0000 00000000 00000000 ff`;

  it('asks for one partition from an offset on', () => {
    expect(encodeFetch('t', 5, 1)).toEqual(
      bytes(
        'ffffffff 000001f4 00000001 00100000 01 00000000 ffffffff 00000001 0001 74 00000001',
        '00000000 ffffffff 0000000000000005 ffffffffffffffff 00100000 00000000',
      ),
    );
  });

  it('asks for no more bytes than it is told to, of the partition and in all', () => {
    const [usual, bounded] = [encodeFetch('t', 5, 1), encodeFetch('t', 5, 1, 0x0200_0000)];
    const changed = [...bounded.keys()].filter((at) => bounded[at] !== usual[at]);
    expect(changed).toEqual([12, 13, 60, 61]);
    expect([bounded.readInt32BE(12), bounded.readInt32BE(60)]).toEqual([0x0200_0000, 0x0200_0000]);
  });

  it('gives the record batches as they came', () => {
    const [aborted, records] = ['00000001 0000000000000007 0000000000000002', bytes('0102 03')];
    const answer = bytes(HEAD, '0000', OFFSETS, aborted, '00000003', records);
    expect(decodeFetchAnswer(answer)).toEqual({
      error: 0,
      aborted: [{ producerId: 7n, firstOffset: 2 }],
      records,
    });
    const nothing = bytes(HEAD, '0000', OFFSETS, 'ffffffff', 'ffffffff');
    expect(decodeFetchAnswer(nothing)).toEqual({ error: 0, aborted: [], records: Buffer.alloc(0) });
  });

  it('gives the headers of whole batches, and what was aborted', () => {
    const aborted = '00000001 0000000000000007 0000000000000002';
    const data = batch('0000000000000002', '0010', '00000003', '0000000000000007');
    const marker = batch('0000000000000006', '0030', '00000000', '0000000000000007');
    const records = bytes(data, marker, data.slice(0, -2));
    const answer = bytes(HEAD, '0000', OFFSETS, aborted, '000000b9', records);
    expect(decodeFetch(answer)).toEqual({
      error: 0,
      aborted: [{ producerId: 7n, firstOffset: 2 }],
      batches: [
        { baseOffset: 2, lastOffset: 5, producerId: 7n, isControl: false },
        { baseOffset: 6, lastOffset: 6, producerId: 7n, isControl: true },
      ],
    });
  });

  it('gives the error of the partition, or of the whole', () => {
    expect(decodeFetch(bytes(HEAD, '0006', OFFSETS, 'ffffffff', 'ffffffff')).error).toBe(6);
    expect(decodeFetch(bytes('00000000 0046 00000000 00000000')).error).toBe(70);
  });
});

describe('the partition of a group', () => {
  // As String.hashCode() of Java says: 99162322, -1901081187 and -2147483648.
  it.each([
    ['hello', 50, 22],
    ['batch.k3x9a1b2', 50, 37],
    ['polygenelubricants', 50, 0],
  ])('of %s among %i is %i', (groupId, partitions, partition) => {
    expect(partitionOfGroup(groupId, partitions)).toBe(partition);
  });
});

describe('DescribeProducers v0', () => {
  const producer = (id: string, epoch: string, coordinator: string, start: string) =>
    bytes(id, epoch, '00000009', '0000018f00000000', coordinator, start, NO_TAGS);

  it('gives the open transaction of each producer', () => {
    const producers = [
      producer('00000000000003e9', '00000007', '00000002', '000000000000000b'),
      producer('0000000000000001', '00000000', 'ffffffff', 'ffffffffffffffff'),
    ];
    const partition = bytes('00000000 0000 00', '03', ...producers, NO_TAGS);
    const answer = bytes(NO_TAGS, '00000000', '02', compactString('t'), '02', partition, NO_TAGS, NO_TAGS);
    const lastTimestamp = 0x18f00000000;
    const states = [
      { producerId: 1001n, producerEpoch: 7, coordinatorEpoch: 2, openSince: 11, lastTimestamp },
      { producerId: 1n, producerEpoch: 0, coordinatorEpoch: -1, openSince: -1, lastTimestamp },
    ];
    expect(decodeDescribeProducers(answer)).toEqual([{ topic: 't', error: 0, producers: states }]);
  });

  it('gives the error of each topic', () => {
    const partition = bytes('00000000 001d', compactString('no'), '01', NO_TAGS);
    const topics = ['t', 'u'].map((name) => bytes(compactString(name), '02', partition, NO_TAGS));
    expect(decodeDescribeProducers(bytes(NO_TAGS, '00000000', '03', ...topics, NO_TAGS))).toEqual([
      { topic: 't', error: 29, producers: [] },
      { topic: 'u', error: 29, producers: [] },
    ]);
  });
});

describe('Metadata v8', () => {
  it('asks for named topics or all, creates none, and wants the allowed operations', () => {
    expect(encodeMetadata(['ab'])).toEqual(bytes('00000001', '0002 6162', '00 01 01'));
    expect(encodeMetadata(null)).toEqual(bytes('ffffffff', '00 01 01'));
  });

  it('gives brokers, partitions and what is allowed on each topic and the cluster', () => {
    const broker = bytes('00000002', '0001 68', '00002384', 'ffff');
    const partition = bytes(
      '0000 00000000',
      '00000002 00000005',
      '00000002 00000002 00000003',
      '00000001 00000002',
      '00000000',
    );
    const topics = [
      bytes('0000', '0001 74', '00', '00000001', partition, '00000018'), // READ and WRITE
      bytes('0003', '0001 75', '00', '00000000', '80000000'), // the broker does not say
    ];
    const answer = bytes('00000000', '00000001', broker, '0001 63', '00000002', '00000002', ...topics, '00000080');
    expect(decodeMetadata(answer)).toEqual({
      brokers: [{ nodeId: 2, address: 'h:9092' }],
      topics: [
        {
          name: 't',
          error: 0,
          partitions: [{ leader: 2, replicas: 2, inSync: 1 }],
          allowed: new Set(['READ', 'WRITE']),
        },
        { name: 'u', error: 3, partitions: [], allowed: null },
      ],
      allowed: new Set(['ALTER']),
    });
  });
});

describe('DescribeGroups v4', () => {
  const group = (error: string) =>
    bytes('00000000', '00000001', error, '0001 67', '0004 44656164', '0000', '0000', '00000000', '00000048');

  it('gives what is allowed on a group', () => {
    expect(decodeDescribeGroups(group('0000'))).toEqual(new Set(['READ', 'DELETE']));
  });

  it('throws its error by name', () => {
    expect(() => decodeDescribeGroups(group('001e'))).toThrow('GROUP_AUTHORIZATION_FAILED');
  });
});

describe('WriteTxnMarkers v1', () => {
  it.each([
    ['0000', 0],
    ['002f', 47],
  ])('answers the error code %s of the partition', (code, expected) => {
    const topic = bytes(compactString('t'), '02', '00000000', code, NO_TAGS, NO_TAGS);
    const marker = bytes('00000000000003e9', '02', topic, NO_TAGS);
    expect(decodeWriteTxnMarkers(bytes(NO_TAGS, '02', marker, NO_TAGS))).toBe(expected);
  });
});

describe('ApiVersions v3', () => {
  const apis = bytes('0000', '02', '0000 0000 000d', NO_TAGS, '00000000');

  it('gives the highest metadata.version of the supported features', () => {
    const features = bytes('03', compactString('kraft.version'), '0000 0001 00');
    const metadata = bytes(compactString('metadata.version'), '0007 001e 00');
    const supported = Buffer.concat([features, metadata]);
    const epoch = bytes('01', '08', '0000000000000001');
    expect(decodeMetadataLevel(bytes(apis, '02', '00', Buffer.of(supported.length), supported, epoch))).toBe(30);
  });

  it('gives none if the broker names no features', () => {
    expect(decodeMetadataLevel(bytes(apis, NO_TAGS))).toBeNull();
  });

  it.each([
    [null, false],
    [29, false],
    [30, true],
    [31, true],
    [32, false],
  ])('knows whether brokers of level %s lose markers', (level, isAffected) => {
    expect(knownDefect(level)?.includes('KAFKA-20734') ?? false).toBe(isAffected);
  });
});

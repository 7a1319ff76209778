import { decodeFetch, encodeFetch } from '../../src/kafka/batch-headers.js';
import { decodeMetadataLevel, knownDefect } from '../../src/kafka/broker-features.js';
import { compactString } from '../../src/kafka/compact-codec.js';
import { decodeCreateTopics, encodeCreateTopics } from '../../src/kafka/create-topics.js';
import { decodeDescribeProducers, decodeWriteTxnMarkers } from '../../src/kafka/producer-state.js';
import { partitionOfGroup } from '../../src/kafka/transactional-session.js';

const NO_TAGS = '00';

/** Bytes as in Kafka's protocol guide, in hexadecimal; blanks are for the reader. */
function bytes(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part.replaceAll(' ', ''), 'hex') : part)),
  );
}

describe('CreateTopics v4', () => {
  it('asks for one partition, the replication factor and the configs of each topic', () => {
    const settings = { topics: ['a', 'bc'], replicationFactor: 3, config: { k: 'v' }, timeoutMs: 258 };
    const topic = '00000001 0003 00000000 00000001 0001 6b 0001 76';
    expect(encodeCreateTopics(settings)).toEqual(
      bytes('00000002', '0001 61', topic, '0002 6263', topic, '00000102', '00'),
    );
  });

  it('gives the error code of each topic, with and without a message', () => {
    const answer = bytes('00000000 00000003', '0001 61 0000 ffff', '0001 62 0026 0002 6869', '0001 63 0024 ffff');
    expect(decodeCreateTopics(answer)).toEqual([0, 38, 36]);
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
    expect(decodeDescribeProducers(answer)).toEqual([
      { producerId: 1001n, producerEpoch: 7, coordinatorEpoch: 2, openSince: 11 },
      { producerId: 1n, producerEpoch: 0, coordinatorEpoch: -1, openSince: -1 },
    ]);
  });

  it('throws the error of the partition by name', () => {
    const partition = bytes('00000000 001d', compactString('no'), '01', NO_TAGS);
    const answer = bytes(NO_TAGS, '00000000', '02', compactString('t'), '02', partition, NO_TAGS, NO_TAGS);
    expect(() => decodeDescribeProducers(answer)).toThrow('TOPIC_AUTHORIZATION_FAILED');
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

import { CompactReader, compactString } from './compact-codec.js';
import { protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

const OFFSET_FETCH = { apiKey: 9, apiName: 'OffsetFetch', apiVersion: 7, flexible: true };

export interface CommittedOffset {
  /** −1: nothing is committed. */
  offset: number;
  metadata: string;
}

/**
 * OffsetFetch v7 of one group for partition 0 of one topic, with require_stable (KIP-447): while a transaction that
 * commits an offset is still being completed, the broker answers UNSTABLE_OFFSET_COMMIT instead of the stale offset.
 * kafkajs stops at v4, which has no such protection. Throws protocol errors by name.
 */
export async function fetchStableOffset(
  connection: Connection,
  groupId: string,
  topic: string,
): Promise<CommittedOffset> {
  return decodeOffsetFetch(await sendRaw(connection, OFFSET_FETCH, [encodeOffsetFetch(groupId, topic)]));
}

export function encodeOffsetFetch(groupId: string, topic: string): Buffer {
  const oneEntry = Uint8Array.of(2); // compact arrays carry length + 1
  const partitionZero = Uint8Array.of(0, 0, 0, 0);
  const tagsStableTags = Uint8Array.of(0, 1, 0); // topic's tags, require_stable, request's tags
  return Buffer.concat([
    compactString(groupId),
    oneEntry,
    compactString(topic),
    oneEntry,
    partitionZero,
    tagsStableTags,
  ]);
}

/** The bytes after the correlation id: the header's tags come first. Expects one topic with one partition. */
export function decodeOffsetFetch(payload: Buffer): CommittedOffset {
  const reader = new CompactReader(payload);
  reader.unsignedVarint(); // header tags
  reader.skip(4); // throttle time
  let partitionError = 0;
  let committed: CommittedOffset = { offset: -1, metadata: '' };
  const topics = reader.unsignedVarint() - 1;
  for (let t = 0; t < topics; t++) {
    reader.compactString();
    const partitions = reader.unsignedVarint() - 1;
    for (let p = 0; p < partitions; p++) {
      reader.skip(4); // partition index
      const offset = Number(reader.int64());
      reader.skip(4); // leader epoch
      const metadata = reader.compactString() ?? '';
      partitionError ||= reader.int16();
      reader.unsignedVarint(); // tags
      committed = { offset, metadata };
    }
    reader.unsignedVarint(); // tags
  }
  const error = reader.int16() || partitionError;
  if (error !== 0) throw protocolError(error, 'OffsetFetch');
  return committed;
}

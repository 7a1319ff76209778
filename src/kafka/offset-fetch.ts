import { CompactReader, compactCount, compactString, int32, NO_TAGS } from './compact-codec.js';
import { errorType, protocolError } from './kafka-failure.js';
import type { Connection } from './kafkajs-internals.js';
import { sendRaw } from './raw-request.js';

export const OFFSET_FETCH = { apiKey: 9, apiName: 'OffsetFetch', apiVersion: 7, flexible: true };

export interface CommittedOffset {
  /** −1: nothing is committed. */
  offset: number;
  metadata: string;
}

const UNSTABLE = 'UNSTABLE_OFFSET_COMMIT';

/**
 * The offset that one group has committed for partition 0 of one topic. `isStable`: no transaction that commits another
 * one is still to be completed (KIP-447). kafkajs stops at OffsetFetch v4, which does not say so. Throws protocol errors
 * by name.
 */
export async function fetchOffset(
  connection: Connection,
  groupId: string,
  topic: string,
): Promise<CommittedOffset & { isStable: boolean }> {
  const fetch = async (requireStable: boolean): Promise<CommittedOffset> =>
    decodeOffsetFetch(await sendRaw(connection, OFFSET_FETCH, [encodeOffsetFetch(groupId, topic, requireStable)]));
  try {
    return { ...(await fetch(true)), isStable: true };
  } catch (error) {
    if (errorType(error) !== UNSTABLE) throw error;
    return { ...(await fetch(false)), isStable: false };
  }
}

/** OffsetFetch v7. `requireStable`: the answer is UNSTABLE_OFFSET_COMMIT if the offset is not. */
export function encodeOffsetFetch(groupId: string, topic: string, requireStable: boolean): Buffer {
  const oneTopic = [compactCount(1), compactString(topic), compactCount(1), int32(0), NO_TAGS];
  return Buffer.concat([compactString(groupId), ...oneTopic, Uint8Array.of(Number(requireStable)), NO_TAGS]);
}

/** The bytes after the correlation id: the header's tags come first. Expects one topic with one partition. */
export function decodeOffsetFetch(payload: Buffer): CommittedOffset {
  const reader = new CompactReader(payload);
  reader.tags(); // of the header
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
      reader.tags();
      committed = { offset, metadata };
    }
    reader.tags();
  }
  const error = reader.int16() || partitionError;
  if (error !== 0) throw protocolError(error, 'OffsetFetch');
  return committed;
}

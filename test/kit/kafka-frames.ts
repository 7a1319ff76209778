/** Just enough of Kafka's protocol to see which request passes by and what the broker said to it. */

export const API_NAMES: Readonly<Record<number, string>> = {
  0: 'Produce',
  1: 'Fetch',
  2: 'ListOffsets',
  3: 'Metadata',
  9: 'OffsetFetch',
  10: 'FindCoordinator',
  17: 'SaslHandshake',
  18: 'ApiVersions',
  19: 'CreateTopics',
  20: 'DeleteTopics',
  22: 'InitProducerId',
  24: 'AddPartitionsToTxn',
  25: 'AddOffsetsToTxn',
  26: 'EndTxn',
  28: 'TxnOffsetCommit',
  36: 'SaslAuthenticate',
  42: 'DeleteGroups',
};

/** Cuts a byte stream into frames: an INT32 length and that many bytes, which come out with the length before them. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next whole frame, or null. */
  next(): Buffer | null {
    if (this.#bytes < 4) return null;
    if ((this.#chunks[0]?.length ?? 0) < 4) this.#join();
    const length = 4 + (this.#chunks[0]?.readInt32BE(0) ?? 0);
    if (this.#bytes < length) return null;
    const joined = this.#join();
    this.#chunks = joined.length === length ? [] : [joined.subarray(length)];
    this.#bytes -= length;
    return joined.subarray(0, length);
  }

  #join(): Buffer {
    const [first, ...others] = this.#chunks;
    const joined = first !== undefined && others.length === 0 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

export interface RequestHead {
  /** `Produce`, or `api 99` where it is none that we know. */
  readonly api: string;
  readonly correlationId: number;
  /** Where the request begins with one. */
  readonly transactionalId: string | null;
}

const BEGINS_WITH_TRANSACTIONAL_ID = new Set([
  'Produce',
  'InitProducerId',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'EndTxn',
  'TxnOffsetCommit',
]);

/** The head of a request in one of the versions that kafkajs sends: not flexible ones, as far as the transactional id goes. */
export function requestHead(frame: Buffer): RequestHead {
  const apiKey = frame.readInt16BE(4);
  const api = API_NAMES[apiKey] ?? `api ${apiKey}`;
  const body = 14 + Math.max(0, frame.readInt16BE(12));
  const hasId = BEGINS_WITH_TRANSACTIONAL_ID.has(api);
  return { api, correlationId: frame.readInt32BE(8), transactionalId: hasId ? nullableString(frame, body) : null };
}

/** Whether an EndTxn request commits: the byte after transactional id, producer id and epoch. */
export function isCommit(frame: Buffer): boolean {
  const body = 14 + Math.max(0, frame.readInt16BE(12));
  return frame.readInt8(body + 2 + Math.max(0, frame.readInt16BE(body)) + 10) === 1;
}

/** Whether a request makes the topics of a job: the last byte but one of a CreateTopics says if it only asks. */
export function makesJobTopics({ api, frame }: { api: string; frame: Buffer }): boolean {
  return api === 'CreateTopics' && frame.includes('_dlq') && frame.at(-2) === 0;
}

/**
 * Lowers the highest version of an API in the broker's answer to ApiVersions; −1 takes it out. Leaves alone answers of
 * flexible versions, in which kafkajs does not ask for APIs.
 */
export function lowerVersion(
  { api, frame, answer }: { api: string; frame: Buffer; answer: Buffer },
  apiKey: number,
  highest: number,
): void {
  if (api !== 'ApiVersions' || frame.readInt16BE(6) >= FLEXIBLE_API_VERSIONS) return;
  // Behind length, correlation id and error code: an ARRAY of API key, lowest and highest version.
  for (let at = 14, left = answer.readInt32BE(10); left > 0; left--, at += 6) {
    if (answer.readInt16BE(at) !== apiKey) continue;
    if (highest < 0) answer.writeInt16BE(UNKNOWN_API, at);
    else answer.writeInt16BE(highest, at + 4);
  }
}

const FLEXIBLE_API_VERSIONS = 3;
/** No API of Kafka has this key. */
const UNKNOWN_API = 32_000;

/**
 * The error code of an answer about one partition of one topic, which is all that a job asks about; null for the APIs
 * whose answers are not looked into.
 */
export function errorCode(api: string, answer: Buffer): number | null {
  switch (api) {
    case 'InitProducerId':
    case 'AddOffsetsToTxn':
    case 'EndTxn':
      return answer.readInt16BE(8 + 4);
    case 'Produce':
      return partitionError(answer, 8);
    case 'AddPartitionsToTxn':
    case 'TxnOffsetCommit':
      return partitionError(answer, 8 + 4);
    default:
      return null;
  }
}

/** Milliseconds at the end of a Produce answer; 0 for the others. */
export function throttleTime(api: string, answer: Buffer): number {
  return api === 'Produce' ? answer.readInt32BE(answer.length - 4) : 0;
}

/** ARRAY of one topic: name, ARRAY of one partition: index, error code. */
function partitionError(answer: Buffer, at: number): number {
  const name = at + 4;
  return answer.readInt16BE(name + 2 + answer.readInt16BE(name) + 4 + 4);
}

function nullableString(frame: Buffer, at: number): string | null {
  const length = frame.readInt16BE(at);
  return length < 0 ? null : frame.toString('utf8', at + 2, at + 2 + length);
}

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;
const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<DecodedBatch>;

export interface DecodedBatch {
  lastOffsetDelta: number;
  producerId: string;
  producerEpoch: number;
  firstSequence: number;
  inTransaction: boolean;
  maxTimestamp: string;
  records: { offset: string; key: Buffer | null; value: Buffer; headers: object }[];
}

/** A sealed batch as kafkajs reads it. */
export async function decodeBatch(batch: Buffer): Promise<DecodedBatch> {
  return decode(new Decoder(batch));
}

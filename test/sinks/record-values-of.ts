import type { RecordValues } from '../../src/kafka/index.js';

/** Values as a fetch gives them, with something between them as there is in a record batch. */
export function recordValuesOf(values: readonly Uint8Array[], firstOffset = 0): RecordValues {
  const parts: Uint8Array[] = [];
  const [starts, ends] = [new Uint32Array(values.length), new Uint32Array(values.length)];
  let at = 0;
  values.forEach((value, i) => {
    parts.push(Buffer.from('\x01"{\x01'), value);
    starts[i] = at + 4;
    at += 4 + value.length;
    ends[i] = at;
  });
  return {
    bytes: Buffer.concat(parts),
    count: values.length,
    offsets: Float64Array.from(values, (_, i) => firstOffset + i),
    starts,
    ends,
  };
}

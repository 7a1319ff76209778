import type { Position, RowWarning, RowWarnings } from '../ingest/index.js';

/**
 * What is committed of a job: stored as the committed offset of its group (`jobNames`) for partition 0 of the data
 * topic, in the same transaction as the rows it speaks of. `ok + errors` equals `position.row`.
 */
export interface Checkpoint {
  position: Position;
  ok: number;
  errors: number;
  /** Offset after the last accepted record, 0 if there is none. */
  dataEnd: number;
  /** Offset after the last rejected record, 0 if there is none. */
  dlqEnd: number;
  /** The whole file is decided. */
  eof: boolean;
  /** Bytes of the file that were read for it: what progress shows. */
  bytesDone: number;
  /** Size of the file in bytes. */
  size: number;
  /** Hash of the version of a file that is read where it lies, 32 hexadecimal digits. Absent: it was uploaded. */
  version?: string;
  /** About the rows up to the position. Absent: there is none. */
  warnings?: RowWarnings;
}

const VERSION = 2;

/** The offset's metadata: JSON, under 1 KiB (the broker's default limit is 4 KiB). */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const { position, ok, errors, dataEnd, dlqEnd, eof, bytesDone, size, version, warnings } = checkpoint;
  return JSON.stringify({
    v: VERSION,
    ...position,
    ok,
    errors,
    data_end: dataEnd,
    dlq_end: dlqEnd,
    eof,
    done: bytesDone,
    size,
    ...(version === undefined ? {} : { version }),
    ...(warnings?.BROKEN_QUOTES === undefined ? {} : { broken_quotes: encodeWarning(warnings.BROKEN_QUOTES) }),
  });
}

/** Throws an Error if the metadata is not a checkpoint of this version: it must never be taken for "none". */
export function decodeCheckpoint(metadata: string): Checkpoint {
  const fields = JSON.parse(metadata) as Record<string, unknown>;
  if (fields['v'] !== VERSION) throw new Error(`the checkpoint has version ${String(fields['v'])}, not ${VERSION}`);
  const count = (name: string): number => {
    const value = fields[name];
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw new Error(`the checkpoint's ${name} is not a count`);
  };
  if (typeof fields['eof'] !== 'boolean') throw new Error("the checkpoint's eof is not a boolean");
  const checkpoint: Checkpoint = {
    position: { row: count('row'), line: count('line'), byte: count('byte') },
    ok: count('ok'),
    errors: count('errors'),
    dataEnd: count('data_end'),
    dlqEnd: count('dlq_end'),
    eof: fields['eof'],
    bytesDone: count('done'),
    size: count('size'),
    ...(fields['version'] === undefined ? {} : { version: versionOf(fields['version']) }),
    ...(fields['broken_quotes'] === undefined
      ? {}
      : { warnings: { BROKEN_QUOTES: decodeWarning(fields['broken_quotes']) } }),
  };
  if (checkpoint.ok + checkpoint.errors !== checkpoint.position.row) {
    throw new Error("the checkpoint's counts do not add up to its rows");
  }
  return checkpoint;
}

/** The number of rows, then those of the first ones. */
function encodeWarning({ count, firstRows }: RowWarning): number[] {
  return [count, ...firstRows];
}

function decodeWarning(value: unknown): RowWarning {
  const numbers: unknown[] = Array.isArray(value) ? value : [];
  const [count, ...firstRows] = numbers.filter((each): each is number => Number.isSafeInteger(each));
  if (count !== undefined && numbers.length === firstRows.length + 1) return { count, firstRows };
  throw new Error("the checkpoint's broken_quotes are not numbers of rows");
}

function versionOf(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return value;
  throw new Error("the checkpoint's version is not a hash");
}

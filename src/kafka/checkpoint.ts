import type { Position } from '../formats/index.js';

/**
 * What is committed of a job: stored as the committed offset of group `batch.<job_id>` for partition 0 of the data
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
  /** Size of the spooled file in bytes. */
  size: number;
}

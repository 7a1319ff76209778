import { FLAGS, NULL_SET, QUOTED_NULLS } from '../column-format';
import { NULLS } from '../memory-layout';

/** Whether a field, without its quotes, is one of the column's spellings of null. */
export function isNullSpelling(column: i32, at: i32, length: i32): bool {
  const set = NULLS + ((<i32>load<u16>(column, NULL_SET)) << 3);
  if (((load<u32>(set, 4) >> min(length, 31)) & 1) === 0) return false;
  const end = set + 8 + (load<i32>(set, 0) << 3);
  for (let spelling = set + 8; spelling < end; spelling += 8) {
    if (load<i32>(spelling, 0) === length && memory.compare(at, load<i32>(spelling, 4), length) === 0) return true;
  }
  return false;
}

/** Whether the column's spellings of null count in quotes, too. */
export function areQuotedNulls(column: i32): bool {
  return (load<u8>(column, FLAGS) & QUOTED_NULLS) !== 0;
}

import { NULL_COUNT, NULL_LENGTHS } from '../control-slots';
import { NULLS } from '../memory-layout';
import { get } from './control';

/** Whether a field, without its quotes, is one of the spellings of null. */
export function isNullSpelling(at: i32, length: i32): bool {
  if (((get(NULL_LENGTHS) >> min(length, 31)) & 1) === 0) return false;
  const end = NULLS + (get(NULL_COUNT) << 3);
  for (let spelling = NULLS; spelling < end; spelling += 8) {
    if (load<i32>(spelling, 0) === length && memory.compare(at, load<i32>(spelling, 4), length) === 0) return true;
  }
  return false;
}

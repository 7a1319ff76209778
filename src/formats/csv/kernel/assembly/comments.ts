import { COMMENT, LINES, NEXT_RECORD } from '../control-slots';
import { get, set } from './control';
import { behindLineEnd, findLineEnd } from './line-end';

/** Whether a line that begins there is no record. */
export function isComment(at: i32): bool {
  return <i32>load<u8>(at) === get(COMMENT);
}

/**
 * Goes over the comments before the next record; `known` is where the bytes end of which phase 1 knows what follows.
 * false: a comment does not end before.
 */
export function skipComments(known: i32): bool {
  let at = get(NEXT_RECORD);
  while (at < known && isComment(at)) {
    const stop = findLineEnd(at, known);
    if (stop === known) return false;
    at = behindLineEnd(stop);
    set(NEXT_RECORD, at);
    set(LINES, get(LINES) + 1);
  }
  return true;
}

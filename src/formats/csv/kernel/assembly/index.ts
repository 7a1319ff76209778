import { beginRows } from './rows';
import { findStructure as find } from './structure';

export { appendRows } from './batch';
export { findLineEnd } from './line-end';
export { checkRows } from './rows';

/** Phase 1, and phase 2 begins anew. */
export function findStructure(to: i32): void {
  find(to);
  beginRows();
}

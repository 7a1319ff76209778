// Preloaded into the service, and by it into its runners: a wall clock that is set by the file `offset` (milliseconds) in
// STEPPING_CLOCK_FOLDER, at the start and at each SIGUSR2. `offset.PID` then says what it is set to.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.STEPPING_CLOCK_FOLDER;
const TrueDate = Date;
let offset = 0;

class SteppedDate extends TrueDate {
  constructor(...given) {
    if (given.length === 0) super(SteppedDate.now());
    else super(...given);
  }

  static now() {
    return TrueDate.now() + offset;
  }
}

function set() {
  try {
    offset = Number(readFileSync(join(folder, 'offset'), 'utf8'));
  } catch {
    offset = 0; // nobody has set it yet
  }
  writeFileSync(join(folder, `offset.${process.pid}`), String(offset));
}

// The inference process has no such environment.
if (folder !== undefined && isMainThread) {
  globalThis.Date = SteppedDate;
  set();
  process.on('SIGUSR2', set);
}

import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { canMount, onSmallDisk } from '../kit/small-disk.js';
import { MODEL, type Scenario } from './stage.js';

const ROOM_BYTES = 1_048_576;
/** Small enough for the kept files of all rounds: those of jobs with rejected rows stay. */
const SMALL_ROWS = 500;
/** About 2 MB. */
const LARGE_ROWS = 40_000;

export const fullDisk: Scenario = {
  name: 'full-disk',
  what: 'an upload that the spool has no room for, then one that it has',
  times: { long: 10, short: 1 },
  async run(stage, times) {
    const dataDir = mkdtempSync(join(stage.folder, 'data-'));
    const spool = join(dataDir, 'spool');
    mkdirSync(spool);
    const { how, under } = smallSpool(spool);
    await stage.enter({}, { dataDir, under });
    for (let round = 0; round < times; round++) {
      const refused = await stage.api.upload(MODEL, stage.file(LARGE_ROWS).path);
      const { error } = (await refused.json()) as { error?: string };
      stage.tally.fault(how);
      stage.tally.event(`${refused.status} ${error}`);
      if (refused.status !== 507 || error !== 'INSUFFICIENT_STORAGE')
        stage.tally.fail(`answered ${refused.status} ${error}`);
      const left = spoolOf(stage.service.pid, spool).filter((name) => name.endsWith('.part'));
      if (left.length > 0) stage.tally.fail(`the spool holds ${left.join(', ')}`);
      const small = stage.file(SMALL_ROWS);
      await stage.delivered(await stage.createJob(small), small);
    }
  },
};

/** As the service sees it, which may be in another mount namespace. */
function spoolOf(pid: number, spool: string): string[] {
  return readdirSync(`/proc/${pid}/root${spool}`);
}

/** A file system of 1 MiB where this user may mount one, else a limit to what a process may write into one file. */
function smallSpool(spool: string): { how: string; under: string[] } {
  if (canMount) return { how: 'full tmpfs', under: onSmallDisk(spool, ROOM_BYTES) };
  return { how: 'file size limit', under: ['prlimit', `--fsize=${ROOM_BYTES}`] };
}

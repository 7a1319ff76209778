import { execFile } from 'node:child_process';
import { freemem } from 'node:os';
import { promisify } from 'node:util';
import { type Input, MiB, readThrough } from './inputs.js';
import { deleteTopics } from './topics.js';

const run = promisify(execFile);
/** About what a run of 1 GiB makes the page cache take: the stored file and the topic. */
const TOUCHED_BYTES = 4 * 1024 * MiB;

/**
 * Brings the machine into the same state before each timed run. Memory that the machine has not handed out lately costs
 * page faults, which double what a broker takes for the same work: so older topics go, nothing is left to be written to
 * the disk, the input is in the page cache, and as much memory as the run will fill was in use a moment ago.
 */
export async function warm(brokers: string, input: Input): Promise<void> {
  await deleteTopics(brokers);
  await run('sync');
  readThrough(input.path);
  const touched = Math.floor(Math.min(TOUCHED_BYTES, 4 * input.bytes, freemem() / 2) / MiB);
  const program = `const blocks = []; for (let i = 0; i < ${touched}; i += 64) blocks.push(Buffer.alloc(${64 * MiB}, 1));`;
  await run(process.execPath, ['-e', program]);
}

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Resident memory of a process in bytes; 0 if it is gone or the system does not tell. */
export async function residentBytes(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  return kibibytes(process.platform === 'linux' ? await statusOf(pid) : await psOf(pid)) * 1024;
}

/** The system says it in kB, whatever the size of its pages. */
async function statusOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? '';
}

async function psOf(pid: number): Promise<string> {
  const answer = await run('ps', ['-o', 'rss=', '-p', `${pid}`]).catch(() => ({ stdout: '' }));
  return answer.stdout.trim();
}

function kibibytes(text: string): number {
  return Number(text) || 0;
}

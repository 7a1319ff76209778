import { readdirSync, readFileSync } from 'node:fs';
import type { Service } from './service.js';

/** The process ids of the service's runners, busy or not. */
export function runnerPids(service: Service): number[] {
  const pids: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) === service.pid) pids.push(Number(name));
    } catch (error) {
      // It ended while we were looking.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return pids;
}

/** The runner that took the job up last, by the service's log; undefined before the first. */
export function runnerOf(service: Service, jobId: string): number | undefined {
  let pid: number | undefined;
  for (const line of service.log().split('\n')) {
    if (!line.includes(jobId) || !line.includes('started processing file')) continue;
    pid = (JSON.parse(line) as { pid: number }).pid;
  }
  return pid;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

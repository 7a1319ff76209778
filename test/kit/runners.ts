import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Service } from './service.js';

/** The process ids of the service's runners, busy or not. */
export function runnerPids(service: Service): number[] {
  const pids: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    if (service.pids.includes(parentOf(Number(name)) ?? 0)) pids.push(Number(name));
  }
  return pids;
}

/** The process that loads jobs into this sink; undefined: none is there at the moment. */
export function sinkProcessOf(service: Service, name: 'clickhouse' | 'postgres'): number | undefined {
  return runnerPids(service).find((pid) => {
    const [script = '', sink] = commandOf(pid).slice(-2);
    return script.endsWith('/sinks/main.js') && sink === name;
  });
}

/** Empty if the process has ended. */
function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The process that a process belongs to; undefined if it has ended. */
export function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(parent);
  } catch (error) {
    if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  }
}

/** The runner that took the job up last, by the service's log; undefined before the first. */
export function runnerOf(service: Service, jobId: string): number | undefined {
  let pid: number | undefined;
  for (const line of service.log().split('\n')) {
    if (!line.includes(jobId) || !line.includes('Started processing file')) continue;
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

/**
 * The process that has opened a TCP connection over IPv4 loopback from one port to another; undefined if there is none
 * any more. Another connection from the same port may be there as well, closed or not.
 */
export function processConnecting(from: number, to: number): number | undefined {
  const address = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const columns = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, local, remote]) => local === address(from) && remote === address(to));
  const socket = `socket:[${columns?.[9]}]`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => holds(pid, socket));
}

function holds(pid: number, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === socket);
  } catch {
    return false; // it ended, closed the file while we were looking, or is somebody else's
  }
}

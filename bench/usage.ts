import { readFileSync, writeFileSync } from 'node:fs';
import { runnerPids } from '../test/kit/runners.js';
import type { Service } from '../test/kit/service.js';

/** Of /proc: USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

/** User and system time that a process has taken so far, in seconds. */
export function cpuSeconds(pid: number): number {
  const [user, system] = statFields(pid).slice(11, 13);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** What children of this process had taken when they ended, in seconds. */
export function endedChildrenCpuSeconds(): number {
  const [user, system] = statFields('self').slice(13, 15);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** Fields of /proc/PID/stat (proc_pid_stat(5)), from the third on: the second is in brackets and may be anything. */
function statFields(pid: number | 'self'): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The most resident memory of a process since the last `forgetPeak`, in bytes. */
function peakRss(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (line === null) throw new Error('this system does not tell the peak of a process’s memory');
  return Number(line[1]) * KIB;
}

function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** What the service took for something: CPU in seconds, the peaks of resident memory in bytes. */
export interface ServiceUsage {
  apiCpu: number;
  /** CPU time of all runners together. */
  runnerCpu: number;
  apiPeak: number;
  /** Peak memory of the largest runner. */
  runnerPeak: number;
}

/** Starts to watch; the function that it returns tells what was used up to its call. A runner must not end in between. */
export function watchService(service: Service): () => ServiceUsage {
  const runners = runnerPids(service);
  const sum = (): number => runners.map(cpuSeconds).reduce((total, seconds) => total + seconds, 0);
  for (const pid of [service.pid, ...runners]) forgetPeak(pid);
  const before = { api: cpuSeconds(service.pid), runners: sum() };
  return () => ({
    apiCpu: cpuSeconds(service.pid) - before.api,
    runnerCpu: sum() - before.runners,
    apiPeak: peakRss(service.pid),
    runnerPeak: Math.max(...runners.map(peakRss)),
  });
}

import { readFileSync } from 'node:fs';
import { runnerPids } from '../kit/runners.js';
import type { Service } from '../kit/service.js';

const EVERY_MS = 50;
const PAGE_BYTES = 4096;

export interface PeakRss {
  api: number;
  runner: number;
}

/** Samples the resident memory of the API process and its runners; `stop` gives the peaks in bytes. */
export function watchRss(service: Service): { stop(): PeakRss } {
  const peak: PeakRss = { api: 0, runner: 0 };
  const timer = setInterval(() => {
    peak.api = Math.max(peak.api, rss(service.pid));
    for (const pid of runnerPids(service)) peak.runner = Math.max(peak.runner, rss(pid));
  }, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

function rss(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0; // gone between two samples
  }
}

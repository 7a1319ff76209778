import type { Broker } from '../test/kit/kafka-broker.js';
import { type Input, type InputName, MiB, writeInput } from './inputs.js';
import type { Report } from './report.js';

/** How large the inputs are, and how often the quick things are done. */
export interface Scale {
  largeBytes: number;
  /** Input size for programs that would take minutes for the large one, and for the other end of "flat". */
  smallBytes: number;
  /** Where a job is compared with another job of ours, some of which write several times the file. */
  mediumBytes: number;
  smallJobs: number;
  /** How long /healthz is asked in each round. */
  healthMs: number;
  starts: number;
  /** How many jobs wait while others are claimed. */
  waitingJobs: number;
  /** Files that a feed takes. */
  feedFiles: number;
  /** Files that a feed has taken before. */
  knownFiles: number;
  kernelMegabytes: number;
  kernelRounds: number;
}

const FULL: Scale = {
  largeBytes: 1024 * MiB,
  smallBytes: 64 * MiB,
  mediumBytes: 256 * MiB,
  smallJobs: 50,
  healthMs: 5_000,
  starts: 7,
  waitingJobs: 100_000,
  // Kafka holds a file open for each of their topics, and may often open 20,000.
  feedFiles: 9_500,
  knownFiles: 100_000,
  kernelMegabytes: 128,
  kernelRounds: 7,
};
const QUICK: Scale = {
  largeBytes: 64 * MiB,
  smallBytes: 8 * MiB,
  mediumBytes: 32 * MiB,
  smallJobs: 10,
  healthMs: 2_000,
  starts: 2,
  waitingJobs: 2_000,
  feedFiles: 200,
  knownFiles: 5_000,
  kernelMegabytes: 16,
  kernelRounds: 2,
};

/** What every part gets to work with. */
export class Bench {
  readonly scale: Scale;
  readonly #inputs = new Map<string, Input>();

  readonly broker: Broker;
  readonly folder: string;
  readonly rounds: number;
  readonly report: Report;

  constructor(parts: { broker: Broker; folder: string; rounds: number; quick: boolean; report: Report }) {
    this.broker = parts.broker;
    this.folder = parts.folder;
    this.rounds = parts.rounds;
    this.report = parts.report;
    this.scale = parts.quick ? QUICK : FULL;
  }

  /** A file of nearly `bytes` bytes, written when it is first asked for. */
  input(name: InputName, bytes: number, everySecondBad = false): Input {
    const key = `${name} ${bytes} ${everySecondBad}`;
    const input = this.#inputs.get(key) ?? writeInput(this.folder, name, bytes, everySecondBad);
    this.#inputs.set(key, input);
    return input;
  }
}

/** Free disk that a run needs: three inputs, a stored upload, and topics of which the last one may not be gone yet. */
export function diskNeeded(quick: boolean): number {
  return 8 * (quick ? QUICK : FULL).largeBytes;
}

import { spawnOwned } from '../../test/kit/owned-process.js';
import { endedChildrenCpuSeconds } from '../usage.js';

/** Nothing that is measured takes longer. */
const TIMEOUT_MS = 600_000;

/** A program from its start to its end. */
export interface ChildRun {
  seconds: number;
  /** CPU time of the program and of what it started. */
  cpuSeconds: number;
  output: string;
}

/** Runs a program while no other child of this process ends. Rejects with its output where it fails. */
export async function runChild(command: string, args: string[]): Promise<ChildRun> {
  const cpuBefore = endedChildrenCpuSeconds();
  const started = performance.now();
  const child = spawnOwned(command, args);
  const output = await child.success(TIMEOUT_MS);
  const seconds = (performance.now() - started) / 1000;
  return { seconds, cpuSeconds: endedChildrenCpuSeconds() - cpuBefore, output };
}

/** Runs a TypeScript program of this folder's `programs` by the Node that runs this. */
export async function runProgram(program: string, args: string[]): Promise<ChildRun> {
  return runChild(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=TimeoutNegativeWarning',
    '--import',
    './test/kit/typescript-hooks.mjs',
    program,
    ...args,
  ]);
}

/** What a program says of itself in the last line it prints. */
export function lastLine<T>(output: string): T {
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as T;
}

import { fileURLToPath } from 'node:url';
import { ChildProcessLink, type StartRunner } from '../../src/runner/index.js';

const RUNNER = fileURLToPath(new URL('./obedient-runner.ts', import.meta.url));
const TYPESCRIPT = [
  '--disable-warning=ExperimentalWarning',
  '--experimental-transform-types',
  '--import',
  new URL('./typescript-hooks.mjs', import.meta.url).href,
];

/** Starts a child process that does what the ids of its jobs say. */
export const startObedientRunner: StartRunner = (events) => new ChildProcessLink(events, RUNNER, TYPESCRIPT);

import { fileURLToPath } from 'node:url';
import { ChildProcessLink } from '../../src/runner/index.js';
import { describesRunnerLink } from '../conformance/runner-link.js';

const RUNNER = fileURLToPath(new URL('../kit/obedient-runner.ts', import.meta.url));
const TYPESCRIPT = [
  '--disable-warning=ExperimentalWarning',
  '--experimental-transform-types',
  '--import',
  new URL('../kit/typescript-hooks.mjs', import.meta.url).href,
];

describesRunnerLink('a child process', (events) => new ChildProcessLink(events, RUNNER, TYPESCRIPT));

import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Interrupted } from './failure.js';
import { run } from './run.js';

/** Set by scripts/bundle-cli.mjs. */
declare const BATCH_VERSION: string;

const INTERRUPTED = 130;

// A background compilation that waits for a garbage collection can hang the process at its very end
// (https://github.com/nodejs/node/issues/54918). Nothing here runs long enough to be worth compiling.
setFlagsFromString('--no-maglev');
setFlagsFromString('--no-opt');

const interrupt = new AbortController();
process.on('SIGINT', () => {
  // Pressed again: whatever is still being tidied up is not worth waiting for.
  if (interrupt.signal.aborted) process.exit(INTERRUPTED);
  interrupt.abort(new Interrupted('interrupted'));
});
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader, `head` for example, has seen enough.
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
}

// Not awaited at the top level: the single executable is bundled as CommonJS, which has no such thing.
async function main(): Promise<void> {
  const exitCode = await run({
    argv: process.argv.slice(2),
    env: process.env,
    stdin: () => process.stdin,
    home: homedir(),
    stdout: process.stdout,
    stderr: process.stderr,
    projectRoot: fileURLToPath(new URL('../..', import.meta.url)),
    version: BATCH_VERSION,
    interrupt: interrupt.signal,
  });
  process.exitCode = exitCode;
  await new Promise((resolve) => process.stdout.write('', resolve));
  // Neither idle connections nor an unfinished standard input keep the command alive.
  process.exit(exitCode);
}

void main();

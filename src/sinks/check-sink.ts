import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SinkName } from '../ingest/index.js';

const SINK_MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/** What the process of a sink says after its check, and then ends. */
export interface SinkChecked {
  type: 'checked';
  /** null: it answers and takes the credentials. */
  failure: { code: string; message: string } | null;
}

/** Asks a sink of this configuration by its own client, in a process that is killed after `ms`. Rejects if that says nothing. */
export async function checkSink(name: SinkName, ms: number): Promise<SinkChecked['failure']> {
  const child = fork(SINK_MAIN, [name, 'check'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    timeout: ms,
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve, reject) => {
    child.once('message', (message: SinkChecked) => resolve(message.failure));
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`it did not answer within ${ms / 1000} s`)));
  });
}

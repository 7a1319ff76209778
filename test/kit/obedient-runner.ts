import { type Assignment, EXIT_LEASE_LOST, type Outcome } from '../../src/runner/ipc.js';
import { parentProcessLink } from '../../src/runner/parent-process-link.js';

// A runner for tests: does what the id of its job says, up to a blank. `wait`: until it is cancelled or stopped.

const pool = parentProcessLink();
let waiting: { jobId: string; lease: number } | null = null;

pool.onClose(() => process.exit(EXIT_LEASE_LOST));
pool.onMessage((message) => {
  if (message.type === 'assign') obey(message.assignment);
  else if (message.type === 'cancel') finish({ kind: 'reconciled', checkpoint: null });
  else if (message.type === 'stop') finish({ kind: 'stopped' });
});
pool.send({ type: 'ready' });

function obey({ jobId, lease, columns }: Assignment): void {
  const [order = '', number] = jobId.split(' ');
  switch (order) {
    case 'echo':
      pool.send({ type: 'header', jobId, lease, columns: columns.map(({ name }) => name) });
      break;
    case 'flood':
      pool.send({ type: 'progress', jobId, lease, bytesDone: 0, bytesRead: 0 });
      break;
    case 'wait':
      waiting = { jobId, lease };
      pool.send({ type: 'alive' });
      break;
    case 'finish':
      waiting = { jobId, lease };
      finish({ kind: 'reconciled', checkpoint: null });
      break;
    case 'segfault':
      process.kill(process.pid, 'SIGSEGV');
      break;
    case 'hang':
      for (;;);
    case 'exit':
      process.exit(Number(number));
  }
}

function finish(outcome: Outcome): void {
  if (waiting !== null) pool.send({ type: 'finished', ...waiting, outcome });
  waiting = null;
}

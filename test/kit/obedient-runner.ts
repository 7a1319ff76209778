import { EXIT_LEASE_LOST } from '../../src/runner/ipc.js';
import { parentProcessLink } from '../../src/runner/parent-process-link.js';

// The runner of test/conformance/runner-link.ts: does what the id of a job says.

const pool = parentProcessLink();

pool.onClose(() => process.exit(EXIT_LEASE_LOST));
pool.onMessage((message) => {
  if (message.type !== 'assign') return;
  const { jobId, lease, columns } = message.assignment;
  if (jobId === 'echo') pool.send({ type: 'header', jobId, lease, columns: columns.map(({ name }) => name) });
  else if (jobId === 'flood') pool.send({ type: 'progress', jobId, lease, bytesDone: 0, bytesRead: 0 });
  else if (jobId === 'segfault') process.kill(process.pid, 'SIGSEGV');
  else if (jobId === 'hang') for (;;);
  else process.exit(Number(jobId.replace('exit ', '')));
});
pool.send({ type: 'ready' });

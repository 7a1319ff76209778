// Has the built service look at two files so that the second process is seen to exit before what it sent is read, as it
// happens under load: libuv reaps every child that is gone whenever one is, after it has read what was there to read
// before. Prints what became of the files, as JSON.
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { MessageChannel } from 'node:worker_threads';

const { inferInProcess } = await import(new URL('../../dist/inference/inference-process.js', import.meta.url).href);

const path = process.argv[2];
const task = {
  file: { kind: 'local', path },
  sizeBytes: (await stat(path)).size,
  format: 'csv',
  sourceEncoding: { fileCompression: 'none', encoding: 'utf-8' },
  dialect: { delimiter: ',', quote: '"', header: true },
  nullValues: [],
  sampleRows: 1000,
  partial: false,
};
const limits = { timeoutMs: 60_000, maxRssBytes: 1024 ** 3 };
const signal = new AbortController().signal;
const children = [];
subscribe('child_process', ({ process: child }) => children.push(child));

/** Keeps this process from reading anything until the child with all its threads is gone, but for its exit status. */
function blockUntilGone({ pid }) {
  while (!/^State:\tZ[\s\S]*^Threads:\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
}

const { port1, port2 } = new MessageChannel();
port2.once('message', () => {
  blockUntilGone(children[1]);
  port2.close();
});

// Behind what the loop has read already, so that all that follows is read in one turn of it.
await new Promise((resolve) => setImmediate(resolve));
const first = inferInProcess(task, limits, signal);
blockUntilGone(children[0]);
const second = inferInProcess(task, limits, signal);
port1.postMessage('go');
const results = await Promise.allSettled([first, second]);
process.stdout.write(JSON.stringify(results.map(({ reason, value }) => reason?.message ?? value.format)));

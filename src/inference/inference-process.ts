import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServiceError } from '../errors/index.js';
import { residentBytes } from '../runner/index.js';
import type { InferenceResult } from './inference-result.js';
import type { InferenceReply, InferenceRequest, InferenceTask } from './ipc.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const MEMORY_CHECK_MS = 100;
/** Limit of the heap in MiB; memory outside of it is watched. */
const MAX_HEAP_MIB = 256;
/** The Parquet decoder may use 1/DECODER_SHARE of the memory, as in a runner. */
const DECODER_SHARE = 2;

export interface ProcessLimits {
  timeoutMs: number;
  maxRssBytes: number;
}

/**
 * Infers a schema in a separate process, which has exited when this settles. Throws the ServiceError that the process
 * reports, FILE_TOO_COMPLEX if it takes too much time or memory, the signal's reason, or an Error if it crashes.
 */
export async function inferInProcess(
  task: InferenceTask,
  limits: ProcessLimits,
  signal: AbortSignal,
): Promise<InferenceResult> {
  signal.throwIfAborted();
  const child = fork(MAIN, [], {
    // It needs nothing of the environment, which holds secrets; and what it might print could be the file's.
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`],
  });
  const gone = once(child, 'exit').catch(() => undefined);
  const watch = new AbortController();
  try {
    return unpack(await replyOf(child, task, limits, AbortSignal.any([signal, watch.signal])));
  } finally {
    watch.abort();
    child.kill('SIGKILL');
    await gone;
  }
}

function replyOf(
  child: ChildProcess,
  task: InferenceTask,
  { timeoutMs, maxRssBytes }: ProcessLimits,
  signal: AbortSignal,
): Promise<InferenceReply> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('message', (reply) => resolve(reply as InferenceReply));
    // It may be known to be gone before what it sent is read: nothing more comes only when the channel is closed, too.
    const isClosed = once(child, 'disconnect').catch(() => undefined);
    child.on('exit', (code, killed) => void isClosed.then(() => reject(lossOf(code, killed))));
    const timer = setTimeout(() => reject(tooComplex(`more than ${timeoutMs / 1000} s`)), timeoutMs);
    const check = async (): Promise<void> => {
      const bytes = await residentBytes(child.pid);
      if (bytes > maxRssBytes) reject(tooComplex(`${bytes} bytes of memory, above RUNNER_MAX_RSS_BYTES`));
    };
    const memory = setInterval(() => void check(), MEMORY_CHECK_MS);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      clearInterval(memory);
      reject(signal.reason as Error);
    });
    const order: InferenceRequest = { task, decoderBytes: maxRssBytes / DECODER_SHARE };
    // If it cannot be sent, the child is exiting, and its exit code says why.
    child.send(order, () => undefined);
  });
}

function unpack(reply: InferenceReply): InferenceResult {
  switch (reply.kind) {
    case 'inferred':
      return reply.inferred;
    case 'refused':
      throw new ServiceError(reply.code, reply.detail);
    case 'crashed':
      throw new Error(`${reply.name} while inferring a schema\n${reply.frames}`);
  }
}

/** V8 aborts if its heap is full. */
function lossOf(code: number | null, killed: NodeJS.Signals | null): Error {
  if (killed === 'SIGABRT') return tooComplex(`more than ${MAX_HEAP_MIB} MiB of heap`);
  return new Error(`the schema inference process ended with ${killed ?? `exit status ${code}`}`);
}

function tooComplex(what: string): ServiceError {
  return new ServiceError('FILE_TOO_COMPLEX', `schema inference took ${what}`);
}

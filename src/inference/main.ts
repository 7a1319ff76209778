import { ServiceError } from '../errors/index.js';
import type { InferenceReply, InferenceRequest } from './ipc.js';
import { inferFile } from './sample-file.js';

/**
 * A process that looks at one file, says what it found, and ends; its parent bounds its time and memory, and it ends
 * with it. Signals that are meant for the service's whole process group are left to the parent.
 */

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit());
process.once('message', (order) => void work(order as InferenceRequest));

async function work(order: InferenceRequest): Promise<void> {
  const reply = await attempt(order);
  // A parent that is gone does not listen; `disconnect` ends this process.
  process.send?.(reply, undefined, undefined, () => process.disconnect());
}

async function attempt({ task, decoderBytes }: InferenceRequest): Promise<InferenceReply> {
  try {
    return { kind: 'inferred', inferred: await inferFile(task, decoderBytes) };
  } catch (error) {
    if (error instanceof ServiceError) return { kind: 'refused', code: error.code, detail: error.message };
    const { name, stack = '' } = error instanceof Error ? error : new Error();
    // The message may quote the file, and is not for the log.
    return {
      kind: 'crashed',
      name,
      frames: stack
        .split('\n')
        .filter((line) => line.startsWith('    at '))
        .join('\n'),
    };
  }
}

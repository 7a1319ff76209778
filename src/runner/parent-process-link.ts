import type { ToRunner } from './ipc.js';
import type { PoolLink } from './runner-link.js';

/** The link of a runner that ChildProcessLink has started, from within. Throws in any other process. */
export function parentProcessLink(): PoolLink {
  if (process.send === undefined) throw new Error('a runner is started by its pool, not by hand');
  return {
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    onMessage: (listener) => void process.on('message', (message) => listener(message as ToRunner)),
    onClose: (listener) => void process.on('disconnect', listener),
  };
}

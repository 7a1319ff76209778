import type { ToRunner } from './ipc.js';
import type { PoolLink } from './runner-link.js';

/** The link of a runner that ChildProcessLink has started, from within. Throws in any other process. */
export function parentProcessLink(): PoolLink {
  if (process.send === undefined) throw new Error('a runner is started by its pool, not by hand');
  let unsent = 0;
  return {
    send(message) {
      if (!process.connected) return;
      unsent += 1;
      process.send?.(message, undefined, undefined, () => {
        unsent -= 1;
      });
    },
    get unsent() {
      return unsent;
    },
    onMessage: (listener) => void process.on('message', (message) => listener(message as ToRunner)),
    onClose: (listener) => void process.on('disconnect', listener),
  };
}

import { setTimeout as sleep } from 'node:timers/promises';

/** A connection that is being closed may need a moment. */
const GRACE_MS = 10_000;

const KINDS = new Set(['TCPSocketWrap', 'TCPServerWrap', 'UDPWrap', 'PipeWrap', 'PipeServerWrap', 'ProcessWrap']);

/**
 * The types of the sockets, servers, pipes and child processes that keep this process from ending. Timers and requests end
 * by themselves, and Node keeps the objects of finished requests for the next one (FileHandleReadWrap).
 */
export function openHandles() {
  return process.getActiveResourcesInfo().filter((type) => KINDS.has(type));
}

/** Throws if there is more of some type than there was `before`: Jest would not end by itself. */
export async function expectNoMoreThan(before) {
  const deadline = Date.now() + GRACE_MS;
  for (let left = beyond(before); left.length > 0; left = beyond(before)) {
    if (Date.now() > deadline) {
      const found = left.join(', ');
      throw new Error(
        `the end-to-end tests left open: ${found}. To find out which, run their files one by one, with -i and --detectOpenHandles.`,
      );
    }
    await sleep(50);
  }
}

function beyond(before) {
  const known = [...before];
  return openHandles().filter((type) => {
    const at = known.indexOf(type);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

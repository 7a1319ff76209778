import type { BlockResult, DataBlock, SinkSession } from './sink.js';

/**
 * Writes one block after the other, and gives what became of each. The next one is read while one is being written, and made
 * ready while the server works on it: so the reading of a block that nobody asks for any more may still be under way when
 * this ends. Once `signal` is aborted no further one is written. Throws what reading or writing throws.
 */
export async function* writeBlocks(
  blocks: AsyncIterator<DataBlock, void>,
  session: Pick<SinkSession, 'prepare' | 'writeRows'>,
  signal: AbortSignal,
): AsyncGenerator<BlockResult> {
  let coming = blocks.next();
  for (;;) {
    const { done, value: block } = await coming;
    if (done === true || signal.aborted) return;
    const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
    const writing = session.writeRows(block, onSent);
    const isSent = Promise.race([sent, writing]).then(
      () => true,
      () => false,
    );
    coming = nextReady(blocks, session, isSent);
    coming.catch(() => undefined); // whoever waits for it next sees the failure
    yield await writing;
  }
}

async function nextReady(
  blocks: AsyncIterator<DataBlock, void>,
  session: Pick<SinkSession, 'prepare'>,
  isSent: Promise<boolean>,
): Promise<IteratorResult<DataBlock, void>> {
  const next = await blocks.next();
  if ((await isSent) && next.done !== true) await session.prepare(next.value);
  return next;
}

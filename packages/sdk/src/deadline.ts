/**
 * Runs `task` with a signal that aborts when `outer` does or after `ms`, whichever is first. Leaves nothing behind on
 * `outer`, however often it is used. Throws what `onTimeout` makes in the second case.
 */
export async function withDeadline<T>(
  ms: number,
  outer: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
  onTimeout: () => Error,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(outer?.reason);
  const timer = Number.isFinite(ms) ? setTimeout(() => controller.abort(onTimeout()), ms) : undefined;
  outer?.addEventListener('abort', abort, { once: true });
  try {
    return await task(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', abort);
  }
}

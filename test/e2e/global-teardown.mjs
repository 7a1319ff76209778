import { expectNoMoreThan } from './open-handles.mjs';

/** Ends the servers that global-setup.mjs started, if it did. Fails if something is left that keeps Jest from ending. */
export default async function stopSharedBroker() {
  await globalThis.sharedBroker?.stop();
  await globalThis.sharedPostgres?.stop();
  await expectNoMoreThan(globalThis.handlesBeforeTests);
}

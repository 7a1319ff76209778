/** Ends the broker that global-setup.mjs started, if it did. */
export default async function stopSharedBroker() {
  await globalThis.sharedBroker?.stop();
}

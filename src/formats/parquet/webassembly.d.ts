/** What the decoder needs of the WebAssembly API beside the kernel; the types of Node leave it out. */
declare namespace WebAssembly {
  /** A trap. */
  class RuntimeError extends Error {}
}

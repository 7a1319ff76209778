import { CsvKernel } from '../formats/index.js';

/**
 * Keeps a kernel from one job to the next, because a memory that was used before costs no page faults. Only a kernel
 * that nobody reads from or writes to any more may be put back; others are left to the garbage collector.
 */
export class KernelCache {
  #kernel: CsvKernel | undefined;

  take(): CsvKernel {
    const kernel = this.#kernel ?? new CsvKernel();
    this.#kernel = undefined;
    return kernel;
  }

  putBack(kernel: CsvKernel): void {
    this.#kernel = kernel;
  }
}

import { readFileSync } from 'node:fs';
import { BATCH_BYTES, BATCH_COUNT, BATCH_STRIDE, BATCHES, CONTROL, MEMORY_BYTES } from './memory-layout.js';

/** What assembly/index.ts exports; addresses are bytes of the kernel's memory. */
interface KernelCalls {
  /** NEXT_RECORD was changed. */
  forget(): void;
  fillTable(end: number): void;
  emitRows(from: number, to: number, rowsBefore: number, shift: number): number;
}

let compiled: WebAssembly.Module | undefined;

/**
 * The WebAssembly module with a memory of its own (about 38 MB of addresses, of which a job touches 20). It serves one
 * reader at a time, and may serve another when nobody needs the first one's batches any more. Throws where the module
 * was not built.
 */
export class CsvKernel {
  readonly calls: KernelCalls;
  readonly memory: Buffer;
  /** Where accepted rows can be written without a copy: for record batches. */
  readonly batchBuffers: readonly Buffer[];
  readonly #control: Int32Array;

  constructor() {
    compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernel.wasm', import.meta.url)));
    const { exports } = new WebAssembly.Instance(compiled);
    const { buffer } = exports['memory'] as WebAssembly.Memory;
    if (buffer.byteLength < MEMORY_BYTES) throw new Error('kernel.wasm was built for another memory layout');
    this.calls = exports as unknown as KernelCalls;
    this.memory = Buffer.from(buffer);
    this.batchBuffers = Array.from({ length: BATCH_COUNT }, (_, index) =>
      Buffer.from(buffer, BATCHES + index * BATCH_STRIDE, BATCH_BYTES),
    );
    this.#control = new Int32Array(buffer, CONTROL);
  }

  /** A slot of the control block. */
  get(slot: number): number {
    return this.#control[slot] as number;
  }

  set(slot: number, value: number): void {
    this.#control[slot] = value;
  }
}

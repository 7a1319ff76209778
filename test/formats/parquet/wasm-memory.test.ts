import { limitWasmMemory } from '../../../src/formats/parquet/wasm-memory.js';

const PAGE = 65_536;
/** A module that exports a memory of one page, without and with a maximum. */
const HEAD = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const EXPORT = [7, 5, 1, 1, 0x6d, 2, 0];
const FREE = Uint8Array.from([...HEAD, 5, 3, 1, 0, 1, ...EXPORT]);
const BOUNDED = Uint8Array.from([...HEAD, 5, 5, 1, 1, 1, 0x80, 0x08, ...EXPORT]);

interface Growing {
  grow(pages: number): number;
}

function memoryOf(module: Uint8Array): WebAssembly.Memory & Growing {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
  return exports['m'] as WebAssembly.Memory & Growing;
}

describe('the ceiling of a WebAssembly memory', () => {
  it.each([
    ['without a maximum', FREE],
    ['with another', BOUNDED],
  ])('holds in a module %s', (_what, module) => {
    const memory = memoryOf(limitWasmMemory(module, 200 * PAGE + 1));
    memory.grow(199);
    expect(() => memory.grow(1)).toThrow(RangeError);
    expect(memory.buffer.byteLength).toBe(200 * PAGE);
  });

  it('is never below the minimum', () => {
    expect(memoryOf(limitWasmMemory(FREE, 0)).buffer.byteLength).toBe(PAGE);
  });

  it('needs a memory', () => {
    expect(() => limitWasmMemory(Uint8Array.from(HEAD), PAGE)).toThrow('no memory');
  });
});

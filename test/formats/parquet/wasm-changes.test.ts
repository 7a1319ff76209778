import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { changeDecoder } from '../../../src/formats/parquet/wasm-changes.js';

const WASM = createRequire(import.meta.url).resolve('parquet-wasm/esm/parquet_wasm_bg.wasm');

describe("the changes of the decoder's module", () => {
  it('are of a few bytes, and it is valid with them', () => {
    const before = readFileSync(WASM);
    const after = Buffer.from(before);
    changeDecoder(after);
    let changed = 0;
    for (let at = 0; at < after.length; at++) if (after[at] !== before[at]) changed += 1;
    expect(after.length).toBe(before.length);
    expect(changed).toBe(6);
    expect(new WebAssembly.Module(after)).toBeInstanceOf(WebAssembly.Module);
  });

  it('are refused of a module that they are not for, such as one that has them', () => {
    const module = readFileSync(WASM);
    changeDecoder(module);
    for (const other of [module, Buffer.alloc(0)]) expect(() => changeDecoder(other)).toThrow('another version');
  });
});

const PAGE_BYTES = 65_536;
const MEMORY_SECTION = 5;
/** Behind the magic number and the version. */
const FIRST_SECTION = 8;

/**
 * The same WebAssembly module with a limit of its memory, in bytes (WebAssembly core specification, 5.5.8): it
 * cannot grow beyond, whatever a file makes it ask for.
 */
export function limitWasmMemory(module: Uint8Array, maxBytes: number): Buffer {
  for (let at = FIRST_SECTION; at < module.length; ) {
    const size = readLeb(module, at + 1);
    const end = size.end + size.value;
    if (module[at] !== MEMORY_SECTION) {
      at = end;
      continue;
    }
    // One memory, then its flags (1: there is a maximum), then its minimum in pages.
    const count = readLeb(module, size.end);
    const minimum = readLeb(module, count.end + 1);
    const limits = [1, 1, ...leb(minimum.value), ...leb(Math.max(minimum.value, Math.floor(maxBytes / PAGE_BYTES)))];
    const section = Buffer.from([MEMORY_SECTION, ...leb(limits.length), ...limits]);
    return Buffer.concat([module.subarray(0, at), section, module.subarray(end)]);
  }
  throw new Error('the module defines no memory');
}

/** An unsigned LEB128. */
function readLeb(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let end = from, shift = 0; ; shift += 7) {
    const byte = bytes[end++] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, end };
  }
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

/**
 * Reads Arrow's C data interface (https://arrow.apache.org/docs/format/CDataInterface.html) in the memory of a
 * WebAssembly module, whose pointers have 32 bits. Nothing is copied: what is returned is valid until the module runs
 * again.
 */

/** struct ArrowSchema: one field. */
export interface ArrowField {
  name: string;
  format: string;
  nullable: boolean;
  children: ArrowField[];
}

/** struct ArrowArray: the values of one field, from `offset` on in its buffers. */
export interface ArrowArray {
  length: number;
  offset: number;
  nulls: number;
  /** Addresses; 0: there is none. */
  buffers: number[];
  children: ArrowArray[];
}

/** Maximum nesting of fields: twice that of a row, since a map is two. */
const MAX_DEPTH = 130;
/** ARROW_FLAG_NULLABLE */
const NULLABLE = 2;

export function readArrowField(memory: ArrayBuffer, address: number, depth = 0): ArrowField {
  if (depth > MAX_DEPTH) throw new RangeError(`more than ${MAX_DEPTH} fields inside each other`);
  const view = new DataView(memory, address, 48);
  const children = new Uint32Array(memory, view.getUint32(32, true), Number(view.getBigInt64(24, true)));
  return {
    format: text(memory, view.getUint32(0, true)),
    name: text(memory, view.getUint32(4, true)),
    nullable: (view.getUint32(16, true) & NULLABLE) !== 0,
    children: Array.from(children, (child) => readArrowField(memory, child, depth + 1)),
  };
}

export function readArrowArray(memory: ArrayBuffer, address: number): ArrowArray {
  const view = new DataView(memory, address, 64);
  const buffers = new Uint32Array(memory, view.getUint32(40, true), Number(view.getBigInt64(24, true)));
  const children = new Uint32Array(memory, view.getUint32(44, true), Number(view.getBigInt64(32, true)));
  return {
    length: Number(view.getBigInt64(0, true)),
    nulls: Number(view.getBigInt64(8, true)),
    offset: Number(view.getBigInt64(16, true)),
    buffers: Array.from(buffers),
    children: Array.from(children, (child) => readArrowArray(memory, child)),
  };
}

/** A string that ends with a NUL; '' if there is none. */
function text(memory: ArrayBuffer, address: number): string {
  if (address === 0) return '';
  const bytes = Buffer.from(memory, address);
  return bytes.toString('utf8', 0, bytes.indexOf(0));
}

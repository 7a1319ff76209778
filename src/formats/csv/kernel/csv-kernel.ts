/*
 * The CSV kernel
 * ==============
 *
 * Most rows of most files are good, and to see that takes little: find the fields, look at their characters. This
 * folder does just that at about 1 GB/s, and makes of each row what a Kafka record shall hold, in WebAssembly with SIMD,
 * compiled from AssemblyScript (assembly/), and leaves everything else to the code that the reference reader uses too
 * (../row-check.ts, ../record-splitter.ts). One rule keeps the two readers from ever deciding differently:
 *
 *     The kernel may say "I do not know". It may never be wrong.
 *
 * Every test of a value in assembly/values accepts what the reference accepts, or less. A rejection is written by the
 * kernel only if the reason is certain and simple; any other row goes to row-judge.ts. The tests hold both readers
 * against each other on generated files (test/formats/csv/kernel/same-decisions.property.test.ts).
 *
 * A turn
 * ------
 *
 *     file ─read─► window ─1─► addresses of ends ─2─► table of rows ─3─► data batch ─► socket
 *                                                        │     ▲      └► DLQ batch ──► socket
 *                                                        ▼     │
 *                                                      row-judge.ts
 *
 * kernel-reader.ts drives it: one call of `advance` fills the table once (phases 1 and 2: `fillTable`) and empties it
 * into the open batches (phase 3: `emitRows`, from row-emitter.ts), about 64 KiB of input or 1000 rows. If the
 * batches have no room, the table keeps what is left, and `position` says so: it is always at the beginning of a row,
 * everything before it is decided and nothing behind it is.
 *
 * The memory
 * ----------
 *
 * One block of fixed size, laid out in memory-layout.ts, never grown and never allocated from: what lies in it leaves
 * through sockets and must not move. Addresses are bytes of it.
 *
 *     control       numbers that go in and out of calls, which have few parameters (control-slots.ts)
 *     columns       32 bytes each: type, nullable or not, limits (column-format.ts; column-table.ts writes it)
 *     nulls         the spellings of null beside the empty field, in sets of which each column has one
 *     rows          the table: start, stop, line, what is left to do, first entry, first field end
 *     entries       the fields that are left to look at: column and kind, start, stop
 *     templates     pieces of JSON for rejections (rejection-templates.ts)
 *     keys          the columns' names as keys of JSON objects, if rows become such (column-table.ts)
 *     field ends    phase 1's findings: the address of every delimiter and line end outside quotes,
 *     row ends      for every such line end where in the list above its own entry ends,
 *     quoted lines  and the address of every line end inside quotes, because they count as physical lines
 *     windows       two pieces of the file (input-windows.ts): one is worked on while the other is read into
 *     row text      room for any row as JSON, if it is not sure to fit the batch
 *     batches       18 record batches of 1 MiB, a pool that the runner sends from without a copy
 *
 * A window is room for one unfinished record (1,000,000 bytes) and behind it a chunk. When all whole records of a
 * window are decided, the unfinished rest is copied in front of the other window's chunk, and they change places. The
 * findings have room for a window full of line ends; usually a few dozen KiB of them are touched, and stay in the cache.
 *
 * SIMD loads and stores take 16 bytes and may pass the end of what they are for; whatever is loaded from or stored to
 * has some bytes of slack behind it.
 *
 * Phase 1: structure (assembly/structure.ts)
 * ------------------------------------------
 *
 * Takes 64 bytes at a time. Comparing them with a special character gives a mask of 64 bits, one a byte:
 *
 *     text        1 , " a , b " , " c " " d " ⏎
 *     quotes      0 0 1 0 0 0 1 0 1 0 1 1 0 1 0
 *     inside      0 0 1 1 1 1 0 0 1 1 0 1 1 0 0    parity of the quotes so far (prefix xor), carried to the next 64
 *     delimiters  0 1 0 0 1 0 0 1 0 0 0 0 0 0 0
 *     … outside   0 1 0 0 0 0 0 1 0 0 0 0 0 0 0    & ~inside
 *     line ends   0 0 0 0 0 0 0 0 0 0 0 0 0 0 1
 *
 * A doubled quote closes and opens again, which comes to the same. The parity is the truth as long as no quote is stray,
 * so the masks also tell whether each quote that opens stands behind an end (or a quote that closes), and whether each
 * that closes is followed by an end. The first one that does not stops the phase: from there on nobody knows what is
 * inside. Of a CRLF only the LF is a line end; a CR alone is one. A CR at the very end of what was read waits for the
 * next byte. What is left of the masks is written down as addresses, lowest bit first.
 *
 * If a dialect's escape is not the quote, quotes behind an odd run of escapes are taken out of the mask first. Outside
 * quotes an escape is text, so such a quote is stray there; and as quotes are not doubled, none may follow one that
 * closes.
 *
 * With lax quotes a quote in the middle of a field is text, and their parity says nothing: the quoted fields of a block are
 * gone through one by one, with the masks of where a quote may open and of those that may close. Without quotes there is
 * no such mask at all. In both no quote is stray.
 *
 * Phase 2: rows (assembly/rows.ts, fields.ts, values/)
 * ----------------------------------------------------
 *
 * Goes through the line ends. A record with as many fields as there are columns is checked field by field, by the
 * column's type; a column that takes anything costs next to nothing. Up to 16 characters are compared in one piece:
 * "all of them are digits" is one comparison. What is not good gets an entry with what is known about it: null in a
 * required column (IS_NULL), not of the type (NO_MATCH), not in its range (NO_RANGE), or "somebody else should look"
 * (FAILED: also what is too long to be shown, has doubled quotes, or is a number that may overflow a double). In a
 * column with constraints every value gets an entry (TYPED): enum, pattern and the like are JavaScript's. A row whose
 * entries are all certain is SURE. Rows with another number of fields are RAGGED, and the first line of a record that
 * phase 1 found broken is STRAY; both are SURE as well. assembly/table.ts goes back and forth between the two phases
 * until the table is full enough. The field ends of its rows stay where they are meanwhile: phase 3 may need them.
 *
 * Blanks to trim around a field are left out before it is checked, and so of its entry. A quoted field with an
 * escape in it has another text than its bytes, like one with doubled quotes: FAILED. So has one with lax quotes inside; its
 * text is copied byte by byte (assembly/lax.ts).
 *
 * Comments (assembly/comments.ts) are gone over before phase 1 begins. One in the middle of what it found is left out
 * like a blank line; but if its quotes made a record of several lines of it, everything found from there on is void, and
 * phase 1 begins anew behind its first line: with half the block each time, so that comments that do so on purpose do
 * not make it look at the same bytes too often.
 *
 * Then JavaScript looks whether the table's rows are valid UTF-8, if there is any byte above 127, and marks those that
 * are not as FOREIGN.
 *
 * Phase 3: batches (assembly/emit.ts, records.ts, json.ts, numbers.ts, rejections.ts)
 * -----------------------------------------------------------------------------------
 *
 * In the table's order: a good row becomes a Kafka record in the data batch, its bytes as they are or a JSON object; a
 * SURE one becomes a rejection in the DLQ batch, put together from templates, byte for byte what `encodeRejectedRow`
 * would write. It stops at a full batch, which is sent and replaced, and at a row that is left to JavaScript:
 * row-judge.ts says whether it is good (then it is marked so, and phase 3 goes on) or what is wrong with it (then it
 * goes through `RowConsumer.reject`). So a row whose constraints JavaScript has checked is still written by the kernel.
 *
 * An object is byte for byte what JsonRow (../json-row.ts) writes. For every column its key is copied, then its value:
 * text is copied 16 bytes at a time up to the next one that has to be escaped, or is a doubled quote or an escape; a
 * number that is legal JSON already, which one look at its characters tells, is copied as it is, any other is put
 * right on the way. How long the object gets is known only behind it, so room is asked for the worst case: six bytes
 * for each of the row. If the batch has less, the row is written to `row text` first, and copied if it fits. What
 * is larger than a record may be stops phase 3 as TOO_LARGE.
 *
 * What the kernel leaves alone
 * ----------------------------
 *
 * A record of more than 1,000,000 bytes, or a broken one whose first line does not end in the window; the file's first
 * record where there may be a byte order mark; and its last one, which may lack a line end or a closing quote. For
 * these the kernel hands over to a RecordSplitter, which finds one record, and takes back the bytes behind it. So the
 * rules for them are in one place, and they are too rare to cost anything. Behind a lax quote that is never closed the
 * splitter keeps the lines of which it knows already that they end inside quotes. So it does at a comment of more bytes. A file
 * with more spellings of null than 64 KiB hold, with keys of more than 1 MiB, or whose values are normalized, is read by
 * the reference reader altogether.
 *
 * Where the time goes
 * -------------------
 *
 * With many typed columns three quarters of it is phase 2, some 12 processor cycles a field; phase 1 takes 0.2 ns a byte,
 * phase 3 hardly anything unless it writes more than it read: JSON three to four times as much if values are short,
 * rejections of short rows twenty times. What WebAssembly becomes on x86 decides more than the number of operations does.
 * `node --print-wasm-code-function-index=N` shows it, `perf record -e cpu-clock node --perf-basic-prof` where the time
 * goes. An unsigned comparison of 16 bytes takes four instructions and a signed one takes one, so bytes are shifted
 * into the signed range first (values/scan.ts). A loop over fields that keeps more in variables than there are registers
 * spends its time on the stack, so what only a bad field needs is at module level, or in a separate function that is
 * called then (rows.ts, fields.ts). What only some files need (an escape, comments, trimming; spellings of null,
 * constraints) is in other copies of the same code, made by generic parameters: the usual copy does not ask for it.
 *
 * To change something
 * -------------------
 *
 * `npm run build` compiles it, and so do the unit tests, if a file of this folder has changed (scripts/build-kernel.mjs).
 * memory-layout.ts, control-slots.ts and column-format.ts are read by both compilers. A function with a line
 * `// @inline` above it is inlined (scripts/lib/inline-functions.mjs): worth it on the way of every field, nowhere else.
 * A new type needs a number in column-format.ts, a case in column-table.ts, a test of its values in assembly/values, a
 * branch in assembly/fields.ts and one in assembly/json.ts. bench/kernel.ts measures.
 */

import { readFileSync } from 'node:fs';
import { BATCH_BYTES, BATCH_COUNT, BATCH_STRIDE, BATCHES, CONTROL, MEMORY_BYTES } from './memory-layout.js';

/** What assembly/index.ts exports; addresses are bytes of the kernel's memory. */
interface KernelCalls {
  /** NEXT_RECORD was changed. */
  forget(): void;
  fillTable(end: number): void;
  emitRows(from: number, to: number, rowsBefore: number, shift: number): number;
  emitBinary(from: number, to: number, at: number, end: number): number;
  /** Writes a good row of the table to ROW_TEXT as JSON; returns its size. */
  writeRow(row: number): number;
}

let compiled: WebAssembly.Module | undefined;

/**
 * The WebAssembly module with its memory (about 50 MB of addresses, of which a job touches 20). It serves one
 * reader at a time, and may serve another when nobody needs the first one's batches any more. Throws if the module
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

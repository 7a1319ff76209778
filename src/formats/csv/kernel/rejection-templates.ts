import { MAX_MESSAGE_LENGTH } from '../../limits.js';
import type { RowErrorCode } from '../../row-error-codes.js';
import type { FieldError, RejectedRowFrame } from '../../row-reader.js';
import type { ValueCheck } from '../../validation/value-check.js';
import { broken, ragged } from '../row-errors.js';
import { TEMPLATE_TEXT } from './control-slots.js';
import type { CsvKernel } from './csv-kernel.js';
import {
  FRAME,
  FRAME_PIECES,
  FRAME_TEXTS,
  FRAME_TEXTS_BYTES,
  MAX_CODES,
  RAGGED_TEMPLATE,
  REJECTED_BY_CODE,
  STRAY_TEMPLATE,
  TEMPLATE_BYTES,
  TEMPLATES,
  TEMPLATES_PER_COLUMN,
  TEXTS,
  TEXTS_BYTES,
} from './memory-layout.js';

/** Stands for the value while a message is taken apart. */
const VALUE = '\u0000';
/** Size limit in bytes of the values that the kernel shows. A value may be written twice, and each byte become six. */
const MAX_SHOWN = 80;
const MAX_VALUE_BYTES = 2 * 6 * MAX_SHOWN;
const CODE = 32;
const SHOWS_VALUE = 36;

/**
 * The pieces of JSON from which the kernel puts rejections together, around the rejected value:
 *
 *     … "byte_offset":1930,"error":"NOT_AN_INTEGER","message":"column 'qty': '│3.14│' is not an Int32"│,"errors":[
 *                         └──────────────────── before ──────────────────────┘value└────── after ─────┘
 *     {"column":"qty","type":"Int32","error":"NOT_AN_INTEGER","observed":"│3.14│","message":"column 'qty': '│3.14│…│}],…
 *     └──────────────────────────── observed ─────────────────────────────┘value└─────────── said ──────────┘value│after
 */
export class RejectionTemplates {
  readonly #memory: Buffer;
  readonly #codes: RowErrorCode[] = [];
  #text = TEXTS;
  #largest = 0;
  #frame: RejectedRowFrame | null = null;

  constructor(
    private readonly kernel: CsvKernel,
    fieldCount: number,
    checks: ReadonlyMap<number, ValueCheck>,
  ) {
    this.#memory = kernel.memory;
    this.#memory.fill(0, TEMPLATES, TEMPLATES + fieldCount * TEMPLATES_PER_COLUMN * TEMPLATE_BYTES);
    this.#memory.fill(0, REJECTED_BY_CODE, REJECTED_BY_CODE + 4 * MAX_CODES);
    kernel.set(TEMPLATE_TEXT, 0);
    this.#write(STRAY_TEMPLATE, broken('STRAY_QUOTE'));
    this.#write(RAGGED_TEMPLATE, ragged(fieldCount, VALUE));
    for (const [index, check] of checks) {
      const first = TEMPLATES + index * TEMPLATES_PER_COLUMN * TEMPLATE_BYTES;
      const errors = [check.nullError(VALUE), ...check.typeErrorsOf(VALUE)];
      for (const [kind, error] of errors.entries()) this.#write(first + kind * TEMPLATE_BYTES, error);
    }
  }

  /** What stands around the templates from now on. */
  useFrame(pieces: RejectedRowFrame): void {
    if (pieces === this.#frame) return;
    let text = FRAME_TEXTS;
    for (let index = 0; index < FRAME_PIECES; index++) {
      const bytes = Buffer.from(pieces[index] ?? '');
      if (text + bytes.length > FRAME_TEXTS + FRAME_TEXTS_BYTES) throw new Error('the frame of rejections is too long');
      this.#memory.writeUInt32LE(text, FRAME + 8 * index);
      this.#memory.writeUInt32LE(bytes.length, FRAME + 8 * index + 4);
      this.#memory.set(bytes, text);
      text += bytes.length;
    }
    this.kernel.set(TEMPLATE_TEXT, Math.max(this.#largest, text - FRAME_TEXTS) + MAX_VALUE_BYTES);
    this.#frame = pieces;
  }

  /** Reports the rejections that the kernel has written since the last call, by their first error. */
  takeCounts(report: (code: RowErrorCode, rows: number) => void): void {
    for (const [index, code] of this.#codes.entries()) {
      const counter = REJECTED_BY_CODE + 4 * (index + 1);
      const rows = this.#memory.readUInt32LE(counter);
      if (rows === 0) continue;
      this.#memory.writeUInt32LE(0, counter);
      report(code, rows);
    }
  }

  /** Writes a template, if there is room for it: the kernel leaves errors without one to JavaScript. */
  #write(template: number, { column, type, error, observed, message }: FieldError): void {
    const [before = '', after = '', ...more] = message.split(VALUE);
    // A very long message would be cut; and the column's name may be odd.
    if (more.length > 0 || before.length + MAX_SHOWN + after.length > MAX_MESSAGE_LENGTH) return;
    const place = `"column":${JSON.stringify(column)},"type":${JSON.stringify(type)},"error":"${error}"`;
    const said = `"message":${JSON.stringify(before).slice(0, -1)}`;
    const pieces = [
      `,"error":"${error}",${said}`,
      JSON.stringify(after).slice(1),
      observed === null ? `{${place},"observed":null` : `{${place},"observed":"`,
      observed === null ? `,${said}` : `",${said}`,
    ].map((piece) => Buffer.from(piece));
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#text + bytes > TEXTS + TEXTS_BYTES) return;
    for (const [index, piece] of pieces.entries()) {
      this.#memory.writeUInt32LE(this.#text, template + 8 * index);
      this.#memory.writeUInt32LE(piece.length, template + 8 * index + 4);
      this.#memory.set(piece, this.#text);
      this.#text += piece.length;
    }
    this.#memory.writeUInt32LE(this.#codeOf(error), template + CODE);
    this.#memory.writeUInt32LE(observed === null ? 0 : 1, template + SHOWS_VALUE);
    this.#largest = Math.max(this.#largest, 2 * bytes);
  }

  #codeOf(error: RowErrorCode): number {
    const index = this.#codes.indexOf(error);
    return index < 0 ? this.#codes.push(error) : index + 1;
  }
}

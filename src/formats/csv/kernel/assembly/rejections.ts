import { QUOTE } from '../control-slots';
import {
  ENTRIES,
  ENTRY_BYTES,
  FRAME,
  IS_NULL,
  RAGGED,
  RAGGED_TEMPLATE,
  REJECTED_BY_CODE,
  SCRATCH,
  STRAY,
  STRAY_TEMPLATE,
  TEMPLATE_BYTES,
  TEMPLATES,
  TEMPLATES_PER_COLUMN,
} from '../memory-layout';
import { get } from './control';
import { copy, copyEscaped, writeNumber } from './text';

/** The pieces of a template, and what else is in it. */
const BEFORE = 0;
const AFTER = 8;
const OBSERVED = 16;
const SAID = 24;
const CODE = 32;
const SHOWS_VALUE = 36;
/** The pieces of the frame. */
const HEAD = FRAME;
const LINE = FRAME + 8;
const OFFSET = FRAME + 16;
const ERRORS = FRAME + 24;
const RAW = FRAME + 32;
const TAIL = FRAME + 40;

const COMMA: u8 = 0x2c;
const CLOSING_BRACE: u8 = 0x7d;

/** The error that is being written, and the text of its value. */
let template = 0;
let value = 0;
let valueEnd = 0;

/** Whether every error of the row, which the kernel is sure about, has a template. */
export function hasTemplates(row: i32): bool {
  if ((load<i32>(row, 12) & (RAGGED | STRAY)) !== 0) return true;
  const end = lastEntry(row);
  for (let entry = firstEntry(row); entry < end; entry += ENTRY_BYTES) {
    if (load<i32>(templateOf(entry), CODE) === 0) return false;
  }
  return true;
}

/** Writes a row's rejection, as JSON; returns the address behind it. */
export function writeRejection(to: i32, row: i32, rowNumber: u64, offset: u64): i32 {
  to = writeNumber(piece(to, HEAD), rowNumber);
  to = writeNumber(piece(to, LINE), load<u32>(row, 8));
  to = writeNumber(piece(to, OFFSET), offset);
  const isStructural = (load<i32>(row, 12) & (RAGGED | STRAY)) !== 0;
  if (isStructural) takeStructure(row);
  else takeEntry(firstEntry(row));
  const counter = REJECTED_BY_CODE + (load<i32>(template, CODE) << 2);
  store<i32>(counter, load<i32>(counter) + 1);
  to = piece(writeValue(piece(to, template + BEFORE)), template + AFTER);
  to = writeError(piece(to, ERRORS));
  if (!isStructural) {
    const end = lastEntry(row);
    for (let entry = firstEntry(row) + ENTRY_BYTES; entry < end; entry += ENTRY_BYTES) {
      takeEntry(entry);
      store<u8>(to, COMMA);
      to = writeError(to + 1);
    }
  }
  to = copyEscaped(piece(to, RAW), load<i32>(row, 0), load<i32>(row, 4));
  return piece(to, TAIL);
}

function firstEntry(row: i32): i32 {
  return ENTRIES + load<i32>(row, 16) * ENTRY_BYTES;
}

function lastEntry(row: i32): i32 {
  return firstEntry(row) + load<u16>(row, 12) * ENTRY_BYTES;
}

function templateOf(entry: i32): i32 {
  const kind = ctz(load<i32>(entry) / IS_NULL);
  return TEMPLATES + (load<u16>(entry) * TEMPLATES_PER_COLUMN + kind) * TEMPLATE_BYTES;
}

function takeEntry(entry: i32): void {
  template = templateOf(entry);
  value = load<i32>(entry, 4);
  valueEnd = load<i32>(entry, 8);
  if (value !== valueEnd && load<u8>(value) === <u8>get(QUOTE)) {
    value++;
    valueEnd--;
  }
}

/** Takes the error of a broken or ragged row, whose value is the number of its fields. */
function takeStructure(row: i32): void {
  const isRagged = (load<i32>(row, 12) & RAGGED) !== 0;
  template = isRagged ? RAGGED_TEMPLATE : STRAY_TEMPLATE;
  value = SCRATCH;
  valueEnd = isRagged ? writeNumber(value, load<i32>(row, 16)) : value;
}

function writeError(to: i32): i32 {
  to = piece(to, template + OBSERVED);
  if (load<i32>(template, SHOWS_VALUE) !== 0) to = writeValue(to);
  to = writeValue(piece(to, template + SAID));
  to = piece(to, template + AFTER);
  store<u8>(to, CLOSING_BRACE);
  return to + 1;
}

function writeValue(to: i32): i32 {
  return copyEscaped(to, value, valueEnd);
}

function piece(to: i32, at: i32): i32 {
  return copy(to, load<i32>(at, 0), load<i32>(at, 4));
}

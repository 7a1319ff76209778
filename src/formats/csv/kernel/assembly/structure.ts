import {
  DELIMITER,
  ESCAPE,
  LAX_QUOTES,
  NEXT_RECORD,
  NO_QUOTES,
  NOT_ASCII,
  QUOTE,
  QUOTES,
  RECORDS_FOUND,
  STRAY_AT,
  TRIMS,
} from '../control-slots';
import { QUOTED_LINES, ROW_ENDS } from '../memory-layout';
import { get, set } from './control';

const LF: u8 = 0x0a;
const CR: u8 = 0x0d;
const SPACE: u8 = 0x20;
const TAB: u8 = 0x09;
const EVEN_OF_32: u64 = 0x5555_5555;
const EVEN_BITS: u64 = (EVEN_OF_32 << 32) | EVEN_OF_32;
const ODD_BITS: u64 = EVEN_BITS << 1;

/**
 * Phase 1. Finds where the fields and records of the bytes from NEXT_RECORD up to `to` end, 64 bytes at a time: each
 * kind of byte becomes a bit mask, the bits between an opening and a closing quote are taken out, the rest is written
 * down as addresses, those of the field ends from `fieldEnd` on. `to` must not lie between a CR and the byte that says
 * whether it belongs to a CRLF.
 *
 * Stops at the first byte that breaks a record, because from there on nobody knows what is inside quotes.
 */
export function findStructure(to: i32, fieldEnd: i32): void {
  // Copies of the same code, as in phase 2.
  const quotes = get(QUOTES);
  if (quotes === LAX_QUOTES) findStructureOf<u64>(to, fieldEnd);
  else if (quotes === NO_QUOTES) findStructureOf<u32>(to, fieldEnd);
  else if (get(ESCAPE) === get(QUOTE)) findStructureOf<u8>(to, fieldEnd);
  else findStructureOf<u16>(to, fieldEnd);
}

/**
 * T of two bytes: the escape is not the quote, and quotes are not doubled. Of four: there are no quotes. Of eight: a quote
 * that may not stand where it does is text, whatever the escape is.
 */
function findStructureOf<T>(to: i32, fieldEnd: i32): void {
  const delimiters = i8x16.splat(<u8>get(DELIMITER));
  const quotes = i8x16.splat(<u8>get(QUOTE));
  const escapes = i8x16.splat(<u8>get(ESCAPE));
  const lineFeeds = i8x16.splat(LF);
  const returns = i8x16.splat(CR);
  const isDoubled = get(ESCAPE) === get(QUOTE);
  let rowEnd = ROW_ENDS;
  let quotedLine = QUOTED_LINES;
  let stray: i32 = 0;
  let everything = i8x16.splat(0);
  /** All ones while the last block ended inside quotes. */
  let insideBefore: u64 = 0;
  /** Whether the last block's last byte was a closing quote; a delimiter, a line end or one. */
  let closedBefore: u64 = 0;
  let endedBefore: u64 = 1;
  /** Whether an escape at the end of the last block takes the next one's first byte. */
  let escapedBefore: u64 = 0;
  if (sizeof<T>() === 8) beginLax();

  for (let at: i32 = get(NEXT_RECORD); at < to; at += 64) {
    const a = v128.load(at, 0);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    everything = v128.or(everything, v128.or(v128.or(a, b), v128.or(c, d)));
    const valid = to - at >= 64 ? u64.MAX_VALUE : firstBits(to - at);
    let quoteBits: u64 = sizeof<T>() === 4 ? 0 : maskOf(a, b, c, d, quotes);
    let delimiterBits = maskOf(a, b, c, d, delimiters);
    let lineBits = maskOf(a, b, c, d, lineFeeds);
    /** The CR of each CRLF: it ends the field but is not where the line ends. */
    let pairedBits: u64 = 0;
    if (hasAny(a, b, c, d, returns)) {
      const returnBits = maskOf(a, b, c, d, returns);
      const feedNext: u64 = load<u8>(at, 64) === LF ? 1 : 0;
      pairedBits = returnBits & ((lineBits >> 1) | (feedNext << 63));
      lineBits |= returnBits & ~pairedBits;
    }

    if (sizeof<T>() === 8) {
      const ending = delimiterBits | lineBits | pairedBits;
      let mayOpen = (ending << 1) | endedBefore;
      let openAfter: u64 = 0;
      if (get(TRIMS) !== 0) {
        const blanks = maskOf(a, b, c, d, i8x16.splat(SPACE)) | maskOf(a, b, c, d, i8x16.splat(TAB));
        const blankBits = blanks & ~(ending | quoteBits);
        // A quote may open behind the blanks at the beginning of a field, too: the carry goes through them.
        const behind = (mayOpen & blankBits) + blankBits;
        openAfter = behind < blankBits ? 1 : 0;
        mayOpen |= behind & ~blankBits;
      }
      let inside: u64 = 0;
      if (quoteBits !== 0 || isInsideQuotes()) {
        inside = insideLax(quoteBits, isDoubled ? 0 : maskOf(a, b, c, d, escapes), quoteBits & mayOpen, isDoubled);
      }
      endedBefore = isInsideQuotes() ? 0 : ((ending & ~inside) >> 63) | openAfter;
      let quotedLineBits = lineBits & inside & valid;
      while (quotedLineBits !== 0) {
        store<i32>(quotedLine, at + <i32>ctz(quotedLineBits));
        quotedLine += 4;
        quotedLineBits &= quotedLineBits - 1;
      }
      delimiterBits &= ~inside;
      lineBits &= ~inside;
    } else if (sizeof<T>() === 4) {
      // Every quote is text.
    } else if ((quoteBits | insideBefore | closedBefore) === 0) {
      endedBefore = (delimiterBits | lineBits | pairedBits) >> 63;
      // Outside quotes an escape is text, and a quote behind it stray either way.
      if (sizeof<T>() > 1) escapedBefore = 0;
    } else {
      let escapedQuotes: u64 = 0;
      if (sizeof<T>() > 1) {
        const escapeBits = maskOf(a, b, c, d, escapes) & ~escapedBefore;
        const behind = (escapeBits << 1) | escapedBefore;
        const ends = escapeBits + (escapeBits & ODD_BITS & ~behind);
        escapedBefore = ends < escapeBits ? 1 : 0;
        escapedQuotes = quoteBits & behind & (EVEN_BITS ^ (ends << 1));
        quoteBits ^= escapedQuotes;
      }
      // The parity of the quotes up to a byte says whether it is inside: true as long as none of them is stray.
      const inside = prefixXor(quoteBits) ^ insideBefore;
      insideBefore = <u64>(<i64>inside >> 63);
      const closing = quoteBits & ~inside;
      const opening = quoteBits & inside;
      const ending = (delimiterBits | lineBits | pairedBits) & ~inside;
      // Two quotes inside quotes look like a closing and an opening one: where quotes are doubled, an opening quote may
      // follow a closing one.
      const before = sizeof<T>() > 1 ? ending : ending | closing;
      const mayOpen = (before << 1) | endedBefore;
      const mustEnd = (closing << 1) | closedBefore;
      const wrong = ((opening & ~mayOpen) | (mustEnd & ~(ending | quoteBits)) | (escapedQuotes & ~inside)) & valid;
      endedBefore = before >> 63;
      closedBefore = closing >> 63;
      let quotedLineBits = lineBits & inside & valid;
      while (quotedLineBits !== 0) {
        store<i32>(quotedLine, at + <i32>ctz(quotedLineBits));
        quotedLine += 4;
        quotedLineBits &= quotedLineBits - 1;
      }
      delimiterBits &= ~inside;
      lineBits &= ~inside;
      if (wrong !== 0) {
        const good = (wrong & (0 - wrong)) - 1;
        delimiterBits &= good;
        lineBits &= good;
        stray = at + <i32>ctz(wrong);
        to = at;
      }
    }

    lineBits &= valid;
    let endBits = (delimiterBits & valid) | lineBits;
    let rest = lineBits;
    while (rest !== 0) {
      // All ends up to and including this one.
      const upTo = endBits & (rest ^ (rest - 1));
      store<i32>(rowEnd, fieldEnd + ((<i32>popcnt(upTo)) << 2));
      rowEnd += 4;
      rest &= rest - 1;
    }
    const count = <i32>popcnt(endBits);
    if (count !== 0) {
      // More than there are may be written: the next block overwrites it.
      endBits = write4(fieldEnd, at, endBits);
      if (count > 4) {
        endBits = write4(fieldEnd + 16, at, endBits);
        if (count > 8) {
          endBits = write4(fieldEnd + 32, at, endBits);
          if (count > 12) {
            let next = fieldEnd + 48;
            while (endBits !== 0) {
              store<i32>(next, at + <i32>ctz(endBits));
              next += 4;
              endBits &= endBits - 1;
            }
          }
        }
      }
      fieldEnd += count << 2;
    }
  }

  store<i32>(quotedLine, i32.MAX_VALUE);
  set(RECORDS_FOUND, (rowEnd - ROW_ENDS) >> 2);
  set(STRAY_AT, stray);
  if (i8x16.bitmask(everything) !== 0) set(NOT_ASCII, 1);
}

/** Where the lax scan stands between two blocks: inside quotes, and the first byte is literal; behind a closing quote. */
let isInside: bool = false;
let isLiteral: bool = false;
let isClosed: bool = false;

function beginLax(): void {
  isInside = false;
  isLiteral = false;
  isClosed = false;
}

/** Whether what comes next may be inside quotes, whatever it is. */
function isInsideQuotes(): bool {
  return isInside || isClosed;
}

/**
 * The bytes inside quotes of one block, the opening quotes included, one quoted field after the other: with quotes that are
 * text, their parity says nothing. `opening`: quotes where one may open, outside of others.
 */
function insideLax(quoteBits: u64, escapeBits: u64, opening: u64, isDoubled: bool): u64 {
  const specialBits = quoteBits | escapeBits;
  let inside: u64 = 0;
  let from = 0;
  let next = isLiteral ? 1 : 0;
  isLiteral = false;
  if (isClosed && (quoteBits & 1) !== 0) {
    // The second of two quotes.
    isInside = true;
    next = 1;
  }
  isClosed = false;
  while (next < 64) {
    const rest = (isInside ? specialBits : opening) & (u64.MAX_VALUE << next);
    if (rest === 0) break;
    const at = <i32>ctz(rest);
    next = at + 1;
    if (!isInside) {
      isInside = true;
      from = at;
    } else if (((escapeBits >> at) & 1) !== 0) {
      next++;
      isLiteral = next > 64;
    } else if (isDoubled && at < 63 && ((quoteBits >> next) & 1) !== 0) {
      next++;
    } else {
      inside |= firstBits(at) & (u64.MAX_VALUE << from);
      isInside = false;
      isClosed = isDoubled && at === 63;
    }
  }
  return isInside ? inside | (u64.MAX_VALUE << from) : inside;
}

function maskOf(a: v128, b: v128, c: v128, d: v128, byte: v128): u64 {
  return (
    bits(i8x16.eq(a, byte)) |
    (bits(i8x16.eq(b, byte)) << 16) |
    (bits(i8x16.eq(c, byte)) << 32) |
    (bits(i8x16.eq(d, byte)) << 48)
  );
}

function hasAny(a: v128, b: v128, c: v128, d: v128, byte: v128): bool {
  const left = v128.or(i8x16.eq(a, byte), i8x16.eq(b, byte));
  const right = v128.or(i8x16.eq(c, byte), i8x16.eq(d, byte));
  return v128.any_true(v128.or(left, right));
}

function bits(v: v128): u64 {
  return <u64>(<u32>i8x16.bitmask(v));
}

/** A mask of the lowest `count` bits, fewer than 64. */
function firstBits(count: i32): u64 {
  const one: u64 = 1;
  return (one << count) - 1;
}

/** Each bit becomes the parity of itself and all bits below it. */
function prefixXor(mask: u64): u64 {
  mask ^= mask << 1;
  mask ^= mask << 2;
  mask ^= mask << 4;
  mask ^= mask << 8;
  mask ^= mask << 16;
  mask ^= mask << 32;
  return mask;
}

/** Writes the addresses of the lowest four bits; returns the others. */
function write4(to: i32, base: i32, mask: u64): u64 {
  store<i32>(to, base + <i32>ctz(mask), 0);
  mask &= mask - 1;
  store<i32>(to, base + <i32>ctz(mask), 4);
  mask &= mask - 1;
  store<i32>(to, base + <i32>ctz(mask), 8);
  mask &= mask - 1;
  store<i32>(to, base + <i32>ctz(mask), 12);
  return mask & (mask - 1);
}

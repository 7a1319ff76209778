import { type CellKind, cellKind } from './cell-kind.js';

/** Rows that the first one is compared with. */
const MAX_ROWS = 100;
/** The share of a column's cells that makes it one of numbers, times and so on. */
const SAME_KIND = 0.8;

/** Whether the first row of a table holds the names of its columns, and why. */
export interface HeaderFinding {
  isHeader: boolean;
  reason: string;
}

/**
 * `first`: the cells of the table's first row; `rows`: those of the next ones. Names differ from what stands below
 * them: in columns of numbers they are text, in columns of text they do not occur again.
 */
export function findHeader(first: readonly string[], rows: readonly (readonly string[])[]): HeaderFinding {
  const body = rows.slice(0, MAX_ROWS);
  const names = first.map((name) => name.trim());
  let [votes, ofTexts] = [0, 0];
  let [likeData, unlikeData] = ['', ''];
  for (const [column, name] of names.entries()) {
    const cells = body.map((row) => row[column]?.trim() ?? '').filter((cell) => cellKind(cell) !== 'empty');
    if (cells.length === 0) continue;
    const kind = kindOf(cells);
    const own = cellKind(name);
    if (kind === 'text') ofTexts += voteOfText(name, cells);
    else if (own === kind && !isYearAbove(name, cells)) {
      votes -= 1;
      likeData ||= `'${name}' in its first line is a value like those below it`;
    } else if (own === 'text' || own === 'truth' || isYearAbove(name, cells)) {
      votes += 1;
      unlikeData ||= `'${name}' stands above ${WORDS[kind]}`;
    }
  }
  // Texts of two kinds may be alike by chance.
  if (votes === 0) votes = ofTexts;
  const filled = names.filter((name) => name !== '');
  if (votes === 0) {
    const named = filled.length > 0 && filled.every((name) => cellKind(name) === 'text' || cellKind(name) === 'truth');
    const distinct = new Set(filled).size === filled.length;
    return named && distinct
      ? { isHeader: true, reason: 'the first line is text like the others: taken for names' }
      : { isHeader: false, reason: 'the first line holds no usable names' };
  }
  return votes > 0
    ? { isHeader: true, reason: unlikeData || 'no later row has the values of the first line' }
    : { isHeader: false, reason: likeData || 'later rows repeat values of the first line' };
}

const WORDS: Readonly<Record<CellKind, string>> = {
  empty: 'nothing',
  number: 'numbers',
  time: 'dates or times',
  truth: 'truth values',
  code: 'addresses or ids',
  text: 'text',
};

function kindOf(cells: readonly string[]): CellKind {
  const counts = new Map<CellKind, number>();
  for (const cell of cells) {
    const kind = cellKind(cell);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const found = [...counts].find(([, count]) => count >= cells.length * SAME_KIND);
  return found?.[0] ?? 'text';
}

/** Whether this is a name above these texts: from -1 to 1. */
function voteOfText(name: string, cells: readonly string[]): number {
  const kind = cellKind(name);
  if (kind === 'number' || kind === 'time' || kind === 'code') return -0.25;
  if (cells.includes(name)) return occursTwice(cells, name) ? -1 : -0.5;
  return kind !== 'empty' && isUnlike(name, cells) ? 0.5 : 0;
}

/** Years and other small whole numbers name columns of measurements. */
function isYearAbove(name: string, cells: readonly string[]): boolean {
  return /^(?:19|20)\d\d$/.test(name) && !cells.every((cell) => /^(?:19|20)\d\d$/.test(cell));
}

function occursTwice(cells: readonly string[], name: string): boolean {
  return cells.indexOf(name) !== cells.lastIndexOf(name);
}

/** Texts of one length or one alphabet, as codes are, under a name of another. */
function isUnlike(name: string, cells: readonly string[]): boolean {
  if (cells.length < 2) return false;
  const [shape, ...others] = cells.map(shapeOf);
  return others.every((each) => each === shape) && shapeOf(name) !== shape;
}

function shapeOf(text: string): string {
  return text
    .replace(/\p{Lu}/gu, 'A')
    .replace(/\p{Ll}/gu, 'a')
    .replace(/\d/g, '0')
    .replace(/(.)\1+/gu, '$1')
    .concat(String(/^[\p{L}\d]+$/u.test(text) && text.length < 6 ? text.length : ''));
}

import { TYPE_ERRORS, type TypeErrorCode } from '../formats/index.js';
import { COLUMN_KINDS } from '../models/schema/index.js';
import type { Candidate, Family } from './candidates.js';
import { DecimalMarks } from './decimal-marks.js';
import type { ColumnStats, InferredColumn, RejectedType } from './inference-result.js';
import { ValueFacts, type ValueSample } from './value-facts.js';
import { exampleOf, extremes, ValueSummary } from './value-summary.js';

/** Why a column of numbers is not one of prices is worth a word; of other columns it goes without saying. */
const PRICE = 'Decimal(18,2)';
const NUMERIC: ReadonlySet<Family> = new Set<Family>(['whole', 'money', 'number']);

interface Failure {
  code: TypeErrorCode;
  sighting: ValueSample;
}

export interface ProfileOptions {
  /** The types that the column may turn out to have, in the order of preference; String if it is none of them. */
  candidates: readonly Candidate[];
  /** Spellings of null that may turn out to be values. */
  possibleNulls: ReadonlySet<string>;
  /** Different values that are remembered. */
  maxDistinct: number;
}

/** What one column's values can be, found out value by value. */
export class ColumnProfile {
  readonly marks = new DecimalMarks();
  readonly #facts = new ValueFacts();
  #alive: readonly Candidate[];
  readonly #failures = new Map<Candidate, Failure>();
  readonly #nullWords = new Map<string, { count: number; row: number }>();
  readonly #summary: ValueSummary;
  #rows = 0;
  #firstRow = 0;
  #nulls = 0;

  constructor(
    readonly name: string,
    private readonly options: ProfileOptions,
  ) {
    this.#alive = options.candidates;
    this.#summary = new ValueSummary(options.maxDistinct);
  }

  takeNulls(count: number): void {
    this.#rows += count;
    this.#nulls += count;
  }

  take(text: string, row: number): void {
    this.#rows += 1;
    if (!this.options.possibleNulls.has(text)) {
      this.#takeValue(text, row);
      return;
    }
    const word = this.#nullWords.get(text);
    if (word === undefined) this.#nullWords.set(text, { count: 1, row });
    else word.count += 1;
  }

  /** The spellings of null that the column has. */
  get nullWords(): readonly string[] {
    return [...this.#nullWords.keys()];
  }

  /** The column is more than text: one of `among` fits, which are the candidates or some of them. */
  hasType(among = this.options.candidates): boolean {
    return this.#choose(among) !== null;
  }

  /**
   * `among`: the candidates or some of them. `textReason`: why the column is text, whatever else it could be; null: it need
   * not be.
   */
  conclude(among = this.options.candidates, textReason: string | null = null): InferredColumn {
    const chosen = textReason === null ? this.#choose(among) : null;
    const nulls = chosen === null ? [] : this.nullWords;
    for (const [word, { count, row }] of this.#nullWords) {
      // In a column of texts it is one.
      if (chosen === null) this.#takeWord(word, count, row);
      else this.#nulls += count;
    }
    this.#nullWords.clear();
    const rejected = this.#rejected(chosen === null ? among : among.slice(0, among.indexOf(chosen)), chosen);
    return {
      name: this.name,
      type: chosen?.spelling ?? 'String',
      nullable: this.#nulls > 0,
      reason:
        chosen === null ? (textReason ?? this.#textReason(rejected)) : withNulls(chosen.reason(this.#facts), nulls),
      evidence: this.#evidence(chosen, rejected),
    };
  }

  /** null: nothing but text. */
  #choose(among: readonly Candidate[]): Candidate | null {
    if (this.#facts.values === 0) return null;
    const fits = (candidate: Candidate): boolean => candidate.objection(this.#facts) === null;
    return this.#alive.find((candidate) => among.includes(candidate) && fits(candidate)) ?? null;
  }

  #takeValue(text: string, row: number): void {
    if (this.#facts.values === 0) this.#firstRow = row;
    this.#facts.values += 1;
    let died = false;
    let isNumber = false;
    let isTime = false;
    for (const candidate of this.#alive) {
      const code = candidate.test(text);
      if (code !== null) {
        this.#failures.set(candidate, { code, sighting: { text, row } });
        died = true;
      } else if (NUMERIC.has(candidate.family)) isNumber = true;
      else if (candidate.family === 'date' || candidate.family === 'datetime') isTime = true;
    }
    if (died) this.#alive = this.#alive.filter((candidate) => !this.#failures.has(candidate));
    if (isNumber) this.#facts.takeNumber(text, row);
    if (isTime) this.#facts.takeDate(text, row);
    this.marks.take(text, row);
    this.#summary.take(text);
  }

  /** A spelling of null that is a value after all: of a String, or there would be no doubt. */
  #takeWord(word: string, count: number, row: number): void {
    this.#takeValue(word, row);
    this.#facts.values += count - 1;
  }

  /** `before`: what would have been preferred. */
  #rejected(before: readonly Candidate[], chosen: Candidate | null): RejectedType[] {
    const narrower = before.findLast(({ family }) => family === chosen?.family);
    const told = before.filter(({ family, type, spelling }) => {
      if (family === chosen?.family) return false;
      return COLUMN_KINDS[type.kind].representative === spelling || (spelling === PRICE && chosen?.family === 'number');
    });
    if (narrower !== undefined) told.push(narrower);
    return this.#facts.values === 0 ? [] : told.flatMap((candidate) => this.#rejection(candidate) ?? []);
  }

  #rejection(candidate: Candidate): RejectedType | null {
    const failure = this.#failures.get(candidate);
    const objection = candidate.objection(this.#facts);
    const reason = failure === undefined ? objection?.reason : TYPE_ERRORS[failure.code];
    if (reason === undefined) return null;
    const sighting = failure?.sighting ?? objection?.sighting ?? null;
    return {
      type: candidate.spelling,
      reason,
      example: sighting === null ? null : exampleOf(sighting.text),
      row: sighting?.row ?? null,
    };
  }

  /** The type that held out longest says most about the text. */
  #textReason(rejected: readonly RejectedType[]): string {
    if (this.#rows === 0) return 'no rows';
    if (this.#facts.values === 0) return 'only nulls';
    const last = rejected.reduce<RejectedType | null>(
      (longest, each) => (each.row !== null && each.row > (longest?.row ?? this.#firstRow) ? each : longest),
      null,
    );
    const code = rejected.find(({ type }) => type === 'Int64');
    if (code !== undefined && !this.#failed('Int64')) return `'${code.example}' in row ${code.row}: ${code.reason}`;
    return last === null ? 'text' : `no ${last.type}: '${last.example}' in row ${last.row} is ${last.reason}`;
  }

  #failed(spelling: string): boolean {
    return [...this.#failures.keys()].some((candidate) => candidate.spelling === spelling);
  }

  #evidence(chosen: Candidate | null, rejected: RejectedType[]): ColumnStats {
    const { min, max } = extentOf(chosen, this.#facts);
    return {
      rows: this.#rows,
      nulls: this.#nulls,
      min,
      max,
      ...this.#summary.evidence(chosen === null),
      rejected,
    };
  }
}

function withNulls(reason: string, words: readonly string[]): string {
  return words.length === 0 ? reason : `${reason}; null: ${words.map((word) => `'${word}'`).join(', ')}`;
}

function extentOf(chosen: Candidate | null, { number, date }: ValueFacts): { min: string | null; max: string | null } {
  switch (chosen?.family) {
    case 'whole':
    case 'money':
    case 'number':
      return extremes(number);
    case 'date':
    case 'datetime':
      return extremes(date);
    default:
      return { min: null, max: null };
  }
}

import { typeTest, type ValueTest } from '../formats/index.js';
import { type ColumnType, KIND_TRAITS, spellColumnType, type TimeFormat } from '../models/schema/index.js';
import type { ValueFacts, ValueSample } from './value-facts.js';

/** A group of types. If a column can have none of them, one is named for all. */
export type Family = 'truth' | 'whole' | 'money' | 'number' | ColumnType['kind'];

/** Why a column should not have a type that its values fit. */
export interface Objection {
  reason: string;
  sighting: ValueSample | null;
}

/** A type that a column may turn out to have. */
export interface Candidate {
  family: Family;
  type: ColumnType;
  spelling: string;
  /** The test that decides about a row of a job too. */
  test: ValueTest;
  /** Asked if every value passes the test; null: there is none. */
  objection(facts: ValueFacts): Objection | null;
  /** Describes the values, if it is the column's type. */
  reason(facts: ValueFacts): string;
}

/** A sample of fewer values does not show whether a narrow type is enough. */
const FEW_VALUES = 20;
/** Number of digits that leaves headroom for values ten times as large: a sample may not have the largest value. */
const ROOMY_DIGITS_32 = 8;

/** 1990-01-01 and 2100-01-01 in epoch seconds. */
const EPOCH_1990 = 631_152_000;
const EPOCH_2100 = 4_102_444_800;

/** The types from the narrowest to the widest; a column gets the first that fits. */
export const CANDIDATES: readonly Candidate[] = [
  candidate(
    'truth',
    { kind: 'bool' },
    () => 'true and false',
    ({ zeros, ones, values }) =>
      zeros + ones === values ? because('only 0 and 1, which could also be numbers') : null,
  ),
  formatted('YYYYMMDD', 'date', 'dates as YYYYMMDD', [19_000_101, 21_001_231]),
  formatted('epoch_ms', 'datetime', 'epoch milliseconds', [EPOCH_1990 * 1e3, EPOCH_2100 * 1e3]),
  formatted('epoch_us', 'datetime', 'epoch microseconds', [EPOCH_1990 * 1e6, EPOCH_2100 * 1e6]),
  whole(
    { kind: 'int', bits: 8, signed: false },
    () => 'only 0 and 1; Bool would accept them, too',
    ({ values, zeros, ones, noBit }) => {
      if (noBit !== null) return { reason: 'not 0 or 1', sighting: noBit };
      return values < FEW_VALUES || zeros === 0 || ones === 0
        ? because(`fewer than ${FEW_VALUES} values, or only one of 0 and 1`)
        : null;
    },
  ),
  whole({ kind: 'int', bits: 32, signed: true }, upToDigits, ({ wholeDigits }) =>
    wholeDigits > ROOMY_DIGITS_32 ? because(`more than ${ROOMY_DIGITS_32} digits: too little headroom in Int32`) : null,
  ),
  whole({ kind: 'int', bits: 64, signed: true }, upToDigits),
  whole({ kind: 'int', bits: 64, signed: false }, () => 'whole numbers beyond Int64, none negative'),
  whole({ kind: 'decimal', precision: 38, scale: 0 }, upToDigits),
  whole({ kind: 'decimal', precision: 76, scale: 0 }, upToDigits),
  ...[2, 3, 4].flatMap((scale) => [money(18, scale), money(38, scale)]),
  candidate(
    'number',
    { kind: 'float', bits: 64 },
    ({ mostFractionDigits, hasExponent }) =>
      hasExponent
        ? 'numbers, some with an exponent'
        : `numbers with up to ${digits(mostFractionDigits)} after the decimal point`,
    (facts) =>
      codeObjection(facts) ??
      // Whole numbers that are too long for any other type would be rounded.
      (facts.mostFractionDigits === 0 && !facts.hasExponent ? because('more digits than a Float64 can hold') : null),
  ),
  candidate('date', { kind: 'date' }, () => 'dates'),
  ...[3, 6, 9].map((most) =>
    candidate(
      'datetime',
      { kind: 'datetime64', digits: most },
      ({ secondDigits }) => `dates with times, with up to ${digits(secondDigits)} after the seconds`,
      ({ secondDigits }) => (secondDigits === 0 ? because('no fractions of a second') : null),
    ),
  ),
  candidate(
    'datetime',
    { kind: 'datetime' },
    () => 'dates with times',
    (facts) =>
      codeObjection(facts) ??
      (facts.dates === 0 ? because('only numbers') : null) ??
      // As epoch seconds they are all in August 1970.
      (facts.compactDay === null
        ? null
        : { reason: 'a day YYYYMMDD, or a second of the year 1970', sighting: facts.compactDay }),
  ),
  ...KIND_TRAITS.flatMap(({ inferredAs, names }) =>
    inferredAs === null
      ? []
      : names.flatMap(([, type]) => (type === null ? [] : [candidate(type.kind, type, () => inferredAs)])),
  ),
];

function candidate(
  family: Family,
  type: ColumnType,
  reason: Candidate['reason'],
  objection: Candidate['objection'] = () => null,
): Candidate {
  return { family, type, spelling: spellColumnType(type), test: typeTest(type), objection, reason };
}

function whole(
  type: ColumnType,
  reason: Candidate['reason'],
  objection: Candidate['objection'] = () => null,
): Candidate {
  return candidate('whole', type, reason, (facts) => codeObjection(facts) ?? objection(facts));
}

/** Times that numbers are: if all of them are within `range`, they are hardly anything else. */
function formatted(format: TimeFormat, as: 'date' | 'datetime', what: string, [from, to]: [number, number]): Candidate {
  const isWithin = (text: string | null): boolean => text !== null && Number(text) >= from && Number(text) <= to;
  return whole(
    { kind: 'formatted', as, format },
    () => what,
    ({ number: { min, max } }) =>
      isWithin(min) && isWithin(max) ? null : because(`not all of them ${what} of our time`),
  );
}

/** Prices: every value has the same number of digits after the decimal point. If it varies, they are measurements. */
function money(precision: number, scale: number): Candidate {
  return candidate(
    'money',
    { kind: 'decimal', precision, scale },
    () => `always ${digits(scale)} after the decimal point`,
    (facts) => {
      const { values, fewestFractionDigits: fewest, mostFractionDigits: most, wholeDigits } = facts;
      if (fewest !== scale || most !== scale)
        return because('the number of digits after the decimal point varies, or is not 2 to 4');
      if (values < FEW_VALUES) return because(`fewer than ${FEW_VALUES} values`);
      return wholeDigits < precision - scale ? codeObjection(facts) : because('too little headroom for larger values');
    },
  );
}

function upToDigits({ wholeDigits }: ValueFacts): string {
  return `whole numbers of up to ${digits(wholeDigits)}`;
}

/** Zip codes, phone numbers, article numbers. */
function codeObjection({ code }: ValueFacts): Objection | null {
  return code === null ? null : { reason: 'its leading zero or plus would be lost', sighting: code };
}

function because(reason: string): Objection {
  return { reason, sighting: null };
}

function digits(count: number): string {
  return count === 1 ? '1 digit' : `${count} digits`;
}

import { jsonKindsOf, type ScalarKind } from '../formats/index.js';
import { inJsonSchema } from '../models/schema/index.js';
import { CANDIDATES, type Candidate } from './candidates.js';

/** The types that a member of JSON rows may turn out to have, by the kind of its values. */
export const JSON_CANDIDATES: Readonly<Record<ScalarKind, readonly Candidate[]>> = {
  // Digits in quotes are codes: who wrote them had numbers. Only fractions are often kept exact that way.
  string: ofKind('string').filter(({ family }) => family !== 'whole'),
  number: ofKind('number').map(forNumbers),
  boolean: ofKind('boolean'),
};

/** Those of them that the JSON Schema spelling of a model has. */
export const JSON_SCHEMA_CANDIDATES: Readonly<Record<ScalarKind, readonly Candidate[]>> = {
  string: JSON_CANDIDATES.string.filter(isInJsonSchema),
  number: JSON_CANDIDATES.number.filter(isInJsonSchema),
  boolean: JSON_CANDIDATES.boolean.filter(isInJsonSchema),
};

function ofKind(kind: ScalarKind): readonly Candidate[] {
  return CANDIDATES.filter(({ type }) => jsonKindsOf(type).includes(kind));
}

function isInJsonSchema({ spelling }: Candidate): boolean {
  return inJsonSchema(spelling) !== undefined;
}

/** Where the members of rows differ from the fields of lines, whose last resort is text. */
function forNumbers(candidate: Candidate): Candidate {
  switch (candidate.spelling) {
    case 'UInt8':
      return { ...candidate, reason: () => 'only 0 and 1' };
    case 'Float64':
      return {
        ...candidate,
        objection: () => null,
        reason: (facts) =>
          facts.mostFractionDigits === 0 && !facts.hasExponent
            ? 'whole numbers too long for other types; rows keep every digit'
            : candidate.reason(facts),
      };
    default:
      return candidate;
  }
}

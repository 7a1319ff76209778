import type { ValueSample } from './value-facts.js';

/** A number with a decimal comma, its thousands with points or not, or a whole number. */
const WITH_COMMA = /^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?$/;
/** One whose comma cannot separate thousands. */
const DECIMAL_COMMA = /(?:,(?!\d{3}$)|\..*,)/;
/** A number whose points, if it has any, can separate thousands; a zero before them cannot. */
const GROUPED = /^[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d{1,3})$/;
/** No number is longer. */
const MAX_LENGTH = 100;

/** What the values of one column say about how the file writes numbers. */
export class DecimalMarks {
  #mayHaveCommas = true;
  #mayBeGrouped = true;
  #comma: ValueSample | null = null;
  #point: ValueSample | null = null;

  take(text: string, row: number): void {
    if (this.#mayHaveCommas) {
      this.#mayHaveCommas = text.length <= MAX_LENGTH && WITH_COMMA.test(text);
      if (this.#mayHaveCommas && this.#comma === null && DECIMAL_COMMA.test(text)) this.#comma = { text, row };
    }
    if (this.#mayBeGrouped) {
      this.#mayBeGrouped = text.length <= MAX_LENGTH && GROUPED.test(text);
      if (this.#mayBeGrouped && text.includes('.')) this.#point ??= { text, row };
    }
  }

  /** The first number with a decimal comma, if all values are such numbers or whole ones. */
  get decimalComma(): ValueSample | null {
    return this.#mayHaveCommas ? this.#comma : null;
  }

  /** The first number with a point, if the points of all values can separate thousands. */
  get thousandsPoint(): ValueSample | null {
    return this.#mayBeGrouped ? this.#point : null;
  }
}

import type { TypeErrorCode } from '../row-error-codes.js';

/** Why a text is not a value of a type; null if it is one. */
export type ValueTest = (text: string) => TypeErrorCode | null;

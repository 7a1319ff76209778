import { invalidOption } from './invalid-option.js';

/** Size limit of an option that is JSON: that of a form field. */
export const MAX_JSON_BYTES = 8 * 1024;

/** The members of an option that is a JSON object. Throws INVALID_OPTION. */
export function parseObject(option: string, text: string): Record<string, unknown> {
  if (Buffer.byteLength(text) > MAX_JSON_BYTES) throw invalidOption(option, `longer than ${MAX_JSON_BYTES} bytes`);
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(option, 'must be a JSON object');
  }
  return value as Record<string, unknown>;
}

/** undefined: it is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

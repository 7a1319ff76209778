import { invalidOption } from './invalid-option.js';

const PREFIX = 'metadata.';
const KEY = /^[A-Za-z0-9_.-]{1,64}$/;
const MAX_KEYS = 32;
const MAX_CHARACTERS = 1024;

/** Takes the `metadata.<key>` options out of what is given. Throws INVALID_OPTION. */
export function takeMetadata(given: Map<string, string>): Record<string, string> {
  const metadata: [string, string][] = [];
  for (const [name, value] of given) {
    if (!name.startsWith(PREFIX)) continue;
    const key = name.slice(PREFIX.length);
    if (!KEY.test(key)) throw invalidOption(name, 'the key must be 1 to 64 letters, digits, _, . or -');
    if (Array.from(value).length > MAX_CHARACTERS) {
      throw invalidOption(name, `longer than ${MAX_CHARACTERS} characters`);
    }
    metadata.push([key, value]);
    given.delete(name);
  }
  if (metadata.length > MAX_KEYS) throw invalidOption('metadata', `more than ${MAX_KEYS} keys`);
  return Object.fromEntries(metadata);
}

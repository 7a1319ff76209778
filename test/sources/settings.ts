import { parseAllowedSource, type SourceConnection } from '../../src/sources/index.js';
import type { SourceUnderTest } from '../conformance/source.js';

/** What SOURCES and SOURCE_CONNECTIONS say, for one connection at most. */
export function settingsOf(
  allowed: readonly string[],
  prefix?: string,
  options: SourceConnection['options'] = {},
): SourceUnderTest['settings'] {
  const parse = (text: string) => {
    const parsed = parseAllowedSource(text);
    if (parsed === null) throw new Error(`Not a prefix: ${text}`);
    return parsed;
  };
  return {
    allowed: allowed.map(parse),
    connections: prefix === undefined ? [] : [{ prefix: parse(prefix), options }],
  };
}

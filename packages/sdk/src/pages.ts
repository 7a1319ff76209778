/** One page of a list, and where the next one starts; null on the last page. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

/** Every entry of every page, fetched as they are asked for. */
export async function* eachOf<T>(
  fetchPage: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const page: Page<T> = await fetchPage(cursor);
    yield* page.items;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
}

/**
 * The cursor in an RFC 8288 `Link` header's rel="next". Only the cursor is taken from the link, never its host, so
 * that a service behind a proxy that renames it works too.
 */
export function nextCursor(link: string | null): string | null {
  for (const [, target = '', parameters = ''] of (link ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
    if ((rel?.[1] ?? rel?.[2] ?? '').split(/\s+/).includes('next')) {
      return new URL(target, 'http://any.invalid').searchParams.get('cursor');
    }
  }
  return null;
}

/** The first `limit` entries; no page beyond them is fetched. */
export async function* firstOf<T>(entries: AsyncIterable<T>, limit: number): AsyncGenerator<T, void, undefined> {
  let left = limit;
  for await (const entry of entries) {
    if (left <= 0) return;
    yield entry;
    left -= 1;
    if (left <= 0) return;
  }
}

/** A module of the build, by its path in dist: Node runs no TypeScript that is more than types, and src is more. */
export function built<T>(path: string): Promise<T> {
  return import(new URL(`../dist/${path}`, import.meta.url).href) as Promise<T>;
}

/** The routes that the server knows, gathered as they are registered. */
export class RouteTable {
  readonly #routes: { method: string; path: string; matches: RegExp }[] = [];

  /** `path` in Fastify's spelling: `/jobs/:id`. HEAD comes with GET and is not listed. */
  add(methods: string | readonly string[], path: string): void {
    for (const method of typeof methods === 'string' ? [methods] : methods) {
      if (method === 'HEAD') continue;
      const pattern = path
        .split('/')
        .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment === '*' ? '.*' : escapeRegExp(segment)))
        .join('/');
      this.#routes.push({ method, path, matches: new RegExp(`^${pattern}$`) });
    }
  }

  /** The methods that a request path accepts; empty if there is no such path. */
  methodsOf(path: string): string[] {
    return [...new Set(this.#routes.filter((route) => route.matches.test(path)).map((route) => route.method))].sort();
  }

  /** Every route as `METHOD /path`. */
  list(): string[] {
    return this.#routes.map(({ method, path }) => `${method} ${path}`);
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

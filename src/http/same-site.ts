import type { IncomingHttpHeaders } from 'node:http';
import { BatchError } from '../errors/index.js';

/** Which names this server answers to. */
export interface ServedHosts {
  /** Lower-case host names without port, beside the localhost names; `*`: any. */
  readonly names: readonly string[];
}

/**
 * Refuses requests that a foreign web page can cause a browser to make: without a login, the Host header (DNS
 * rebinding) and where the request comes from (CSRF) are all that stands between a page and this service.
 */

/** Throws FORBIDDEN_HOST unless the Host header names this machine or an allowed host. */
export function requireServedHost(headers: IncomingHttpHeaders, served: ServedHosts): void {
  const name = hostName(headers.host ?? '');
  if (name !== null && (isLocalhost(name) || served.names.includes(name) || served.names.includes('*'))) return;
  throw new BatchError('FORBIDDEN_HOST', `The Host '${shorten(headers.host ?? '')}' is not served here`);
}

/**
 * Throws CROSS_SITE_REQUEST for a request with another site's Origin, or one that the browser calls cross-site.
 * A link from another site to the pages of /docs is no danger: they are the same for everybody.
 */
export function requireSameSite(method: string, path: string, headers: IncomingHttpHeaders, served: ServedHosts): void {
  const origin = headers.origin;
  if (origin !== undefined && !isOwnOrigin(origin, headers.host ?? '', served)) {
    throw new BatchError('CROSS_SITE_REQUEST', `The Origin '${shorten(origin)}' is another site`);
  }
  if (headers['sec-fetch-site'] === 'cross-site' && !isLinkToDocs(method, path, headers)) {
    throw new BatchError('CROSS_SITE_REQUEST', 'A web page of another site made this request');
  }
}

function isOwnOrigin(origin: string, host: string, served: ServedHosts): boolean {
  const url = URL.parse(origin);
  if (url === null || url.host === '') return false;
  return url.host === withoutDefaultPort(host.toLowerCase(), url.protocol) || served.names.includes(url.hostname);
}

function withoutDefaultPort(host: string, protocol: string): string {
  const port = protocol === 'https:' ? ':443' : ':80';
  return host.endsWith(port) ? host.slice(0, -port.length) : host;
}

function isLinkToDocs(method: string, path: string, headers: IncomingHttpHeaders): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    (path === '/' || path === '/docs' || path.startsWith('/docs/')) &&
    headers['sec-fetch-mode'] === 'navigate'
  );
}

/** The name in a Host header, lower-case, without port and final dot; null where it is malformed. */
function hostName(host: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]\\]+)(?::\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase().replace(/\.$/, '') ?? null;
}

function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ServiceError } from '../../errors/index.js';

/** Which names this server answers to. */
export interface ServedHosts {
  /** Lower-case host names without port, beside the localhost names; `*`: any. */
  readonly names: readonly string[];
  /** Origins whose pages may make requests, beside its own. */
  readonly origins: readonly string[];
}

/**
 * Refuses requests that a foreign web page can cause a browser to make: without a login, the Host header (DNS
 * rebinding) and where the request comes from (CSRF) are all that stands between a page and this service.
 */

/** Throws FORBIDDEN_HOST unless the Host header names this machine or an allowed host. */
export function requireServedHost(headers: IncomingHttpHeaders, served: ServedHosts): void {
  const name = hostName(headers.host ?? '');
  if (name !== null && (isLocalhost(name) || served.names.includes(name) || served.names.includes('*'))) return;
  throw new ServiceError('FORBIDDEN_HOST', `The Host '${shorten(headers.host ?? '')}' is not accepted`);
}

/** Throws INVALID_REQUEST for more than one Host header, as RFC 9112 section 3.2 asks: a proxy may have read the other. */
export function requireOneHost(request: IncomingMessage): void {
  if ((request.headersDistinct['host']?.length ?? 0) < 2) return;
  throw new ServiceError('INVALID_REQUEST', 'The request has more than one Host header');
}

/**
 * Throws CROSS_SITE_REQUEST for a request that a page of another origin made: another port of this host is another
 * origin, and so is a sibling domain. Pages of allowed origins pass. Programs that are not browsers send neither header.
 * A link from another site to the pages of /docs and /help is harmless: they are the same for everybody.
 */
export function requireSameSite(method: string, path: string, headers: IncomingHttpHeaders, served: ServedHosts): void {
  const site = headers['sec-fetch-site'];
  // The browser compared the addresses that it knows, whatever a proxy makes of them; no page can set this header.
  if (site === 'same-origin') return;
  const { origin } = headers;
  if (origin !== undefined && served.origins.includes(origin)) return;
  if (origin !== undefined && !isOwnOrigin(origin, headers, served)) {
    throw new ServiceError('CROSS_SITE_REQUEST', `The Origin '${shorten(origin)}' is another site`);
  }
  if (site !== undefined && site !== 'none' && !isLinkToDocs(method, path, headers)) {
    throw new ServiceError('CROSS_SITE_REQUEST', 'A web page of another origin made this request');
  }
}

/**
 * Whether an origin is the one that this request went to. Behind a proxy that is its X-Forwarded-Host, which no page of
 * another origin can add to a request (CORS), or an allowed host on the scheme's own port if the proxy says nothing and
 * puts another name into Host.
 */
function isOwnOrigin(origin: string, headers: IncomingHttpHeaders, served: ServedHosts): boolean {
  const url = URL.parse(origin);
  if (url === null || url.host === '') return false;
  const host = headers.host?.toLowerCase() ?? '';
  if (url.host === withoutDefaultPort(host, url.protocol)) return true;
  if (!served.names.includes(url.hostname) || isLocalhost(url.hostname)) return false;
  const forwarded = forwardedHost(headers);
  if (forwarded !== null) return url.host === withoutDefaultPort(forwarded, url.protocol);
  return url.port === '' && url.hostname !== hostName(host);
}

/** What the outermost proxy was asked for: `name` or `name:port`; null if none says so. */
function forwardedHost(headers: IncomingHttpHeaders): string | null {
  const host = outermost(headers['x-forwarded-host']);
  if (host === null) return null;
  const port = outermost(headers['x-forwarded-port']);
  return port === null || /:\d+$/.test(host) ? host : `${host}:${port}`;
}

function outermost(header: string | string[] | undefined): string | null {
  return (
    String(header ?? '')
      .split(',', 1)[0]
      ?.trim()
      .toLowerCase() || null
  );
}

function withoutDefaultPort(host: string, protocol: string): string {
  const port = protocol === 'https:' ? ':443' : ':80';
  return host.endsWith(port) ? host.slice(0, -port.length) : host;
}

function isLinkToDocs(method: string, path: string, headers: IncomingHttpHeaders): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    (path === '/' || /^\/(?:docs|help)(?:\/|$)/.test(path)) &&
    headers['sec-fetch-mode'] === 'navigate'
  );
}

/** The name in a Host header, lower-case, without port and final dot; null if it is malformed. */
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

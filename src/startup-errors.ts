import type { Config } from './config/index.js';
import { ServiceError } from './errors/index.js';

/** What keeps the service, or one of its commands, from doing what it was started for; the message says what to do. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/**
 * Why the service could not start, in one line that says what to do; null for what nobody foresaw, which deserves
 * its stack.
 */
export function explainStartupError(error: unknown, { role, host, port, dataDir }: Config): string | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof StartupError) return error.message;
  // Its module would be loaded before the start.
  if (error.name === 'SchemaError') return `${error.message}.`;
  if (error.name === 'UnusableSetting' || error.name === 'UnusableBackup') return error.message;
  if (error instanceof ServiceError) {
    return error.code === 'STORE_UNAVAILABLE' ? `${error.message}. Check DATABASE_URL.` : error.message;
  }
  const portName = role === 'worker' ? 'METRICS_PORT' : 'PORT';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const syscall = 'syscall' in error ? String(error.syscall) : '';
  if (code === 'EADDRINUSE') {
    return `Port ${port} on ${host} is in use: stop what listens there (\`ss -ltnp sport = :${port}\` names it), or set ${portName}.`;
  }
  if (syscall === 'listen' || syscall === 'getaddrinfo' || syscall === 'bind') {
    return `Cannot listen on ${host}, port ${port} (${code}): set HOST and ${portName} to an address of this machine.`;
  }
  if (isDatabaseError(error)) return `Cannot use the database in ${dataDir}: ${error.message}. Check DATA_DIR.`;
  if (isDatabaseError(error.cause)) return error.message;
  if (syscall !== '') return `Cannot use DATA_DIR ${dataDir}: ${error.message}.`;
  return null;
}

function isDatabaseError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error;
}

import { type Logger, pino, stdTimeFunctions } from 'pino';

/**
 * The log of a process: JSON lines on stdout. Levels: error: someone must act; warn: it heals or degrades by itself;
 * info: the life of the service and of each job; debug: every step. Never row values.
 */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}

/** Where Nest finds the process's log. */
export const LOG = Symbol('log');

import type { Problem } from 'batch-ingest-sdk';
import { inCommands } from './in-commands.js';

export const EXIT = { done: 0, failed: 1, partial: 2, usage: 64, lostContact: 75, interrupted: 130 } as const;

/** What the CLI itself refuses, in the form of the service's errors. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly code: string,
    message: string,
    /** What to do about it. */
    readonly hint: string,
    readonly exitCode: number = EXIT.failed,
  ) {
    super(message);
  }
}

/** The user pressed Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** An error in the words of the CLI. */
export interface Failure {
  code: string;
  message: string;
  hint: string | null;
  exitCode: number;
  /** As the service sent it. */
  problem: Problem | null;
}

/**
 * Puts any error into the CLI's words. The SDK's errors are recognized by name, not by class: loading the SDK just to
 * report a mistyped option would delay every such message.
 */
export function toFailure(error: unknown): Failure {
  const failure = { hint: null, exitCode: EXIT.failed, problem: null };
  if (error instanceof CliError)
    return { ...failure, code: error.code, message: error.message, hint: error.hint, exitCode: error.exitCode };
  if (!(error instanceof Error)) return { ...failure, code: 'INTERNAL_ERROR', message: String(error) };
  const { name, message } = error;
  if (name === 'Interrupted') return { ...failure, code: 'INTERRUPTED', message, exitCode: EXIT.interrupted };
  const facts = error as { code?: unknown; hint?: unknown; problem?: Problem | null; url?: unknown; path?: unknown };
  const code = typeof facts.code === 'string' ? facts.code : null;
  if (name === 'BatchApiError') {
    const hint = typeof facts.hint === 'string' ? inCommands(facts.hint) : null;
    const said = { code: code ?? 'UNEXPECTED_RESPONSE', message: inCommands(message), hint };
    return { ...failure, ...said, problem: facts.problem ?? null };
  }
  if (name === 'BatchConnectionError') {
    const hint = 'Start the service with `scripts/up.sh`, or name another one with --api-url or BATCH_API_URL.';
    return { ...failure, code: 'CONNECTION_FAILED', message, hint };
  }
  if (name === 'UploadSizeError') {
    return { ...failure, code: 'FILE_CHANGED', message, hint: 'Upload the file when nothing writes to it any more.' };
  }
  if (code !== null && typeof facts.path === 'string') return { ...failure, ...fileFailure(code, facts.path, message) };
  return { ...failure, code: 'INTERNAL_ERROR', message, hint: 'Open an issue with the command and this message.' };
}

function fileFailure(code: string, path: string, message: string): { code: string; message: string; hint: string } {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file',
    EISDIR: 'it is a directory',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ENOTDIR: 'a part of its path is not a directory',
  };
  return {
    code: 'FILE_NOT_READABLE',
    message: `cannot read '${path}': ${reasons[code] ?? message}`,
    hint: 'Check the path, or pass - to read from standard input.',
  };
}

import { once } from 'node:events';
import type { BatchClient, RetryNotice } from 'batch-ingest-sdk';
import type { Environment, Terminal } from './environment.js';
import { EXIT, type Failure } from './failure.js';
import { printable, type Style, styleFor } from './render/style.js';
import { wrapped } from './render/table.js';
import { type Target, targetOf } from './target.js';
import { traceHeaders } from './trace-headers.js';

export type OutputMode = 'table' | 'json';

/** What the options before or after any command say. */
export interface GlobalOptions {
  apiUrl?: string | undefined;
  profile?: string | undefined;
  output?: OutputMode | undefined;
  /** How long the service may be away in a row, in seconds; default the SDK's. */
  maxOutage?: number | undefined;
}

/** A line that is drawn again and again; `stop` leaves it as it is and goes to the next. */
export interface LiveLine<T> {
  update(value: T): void;
  stop(): void;
}

/** One invocation: where the service is, how results are shown, what the exit code will be. */
export class Session {
  exitCode: number = EXIT.done;
  readonly mode: OutputMode;
  readonly style: Style;
  /** What is being drawn on stderr; whoever writes there stops it first, and its next update goes on below. */
  line: Pick<LiveLine<never>, 'stop'> | undefined;

  constructor(
    private readonly options: GlobalOptions,
    readonly environment: Environment,
  ) {
    this.mode = outputMode(options.output, environment);
    this.style = styleFor(environment.stdout, environment.env);
  }

  /** The mode was asked for, and is not only the fitting one. */
  get isModeAsked(): boolean {
    return this.options.output !== undefined;
  }

  get signal(): AbortSignal {
    return this.environment.interrupt;
  }

  /** Whether somebody watches: progress bars and notes go to stderr, never to stdout. */
  get watched(): boolean {
    return this.environment.stderr.isTTY === true;
  }

  /** Cells of a line of the terminal that gets the result; infinite if it is not one. */
  get width(): number {
    const { stdout } = this.environment;
    return (stdout.isTTY === true && stdout.columns) || Number.POSITIVE_INFINITY;
  }

  /** The service, and the key for it. `isNew`: the profile need not be there yet. */
  target(isNew = false): Target {
    return targetOf({ apiUrl: this.options.apiUrl, profile: this.profileName, isNew }, this.environment);
  }

  /** The name that `batch login` stores the service under, or `batch logout` removes. */
  get profileName(): string | undefined {
    return this.options.profile ?? (this.environment.env['BATCH_PROFILE']?.trim() || undefined);
  }

  /** Loads the SDK only now: help and usage errors do not need it. */
  async client({ url: baseUrl, key }: Target = this.target()): Promise<BatchClient> {
    const { createBatchClient } = await import('batch-ingest-sdk');
    const { maxOutage } = this.options;
    return createBatchClient({
      baseUrl,
      apiKey: key,
      headers: traceHeaders(this.environment.env),
      retry: maxOutage === undefined ? {} : { maxOutageMs: maxOutage * 1000 },
      onRetry: (notice) => this.#noteRetry(notice),
    });
  }

  /** The command's result: JSON, or what `render` makes of it. */
  show<T>(result: T, render: (result: T, style: Style, width: number) => string): void {
    const isJson = this.mode === 'json';
    const text = isJson ? `${JSON.stringify(result, null, 2)}\n` : render(result, this.style, this.width);
    this.environment.stdout.write(text);
  }

  /** A piece of a result that is too long to be held as a whole; waits if the reader is slower. */
  async print(piece: string | Uint8Array): Promise<void> {
    const { stdout } = this.environment;
    if (!stdout.write(piece)) await once(stdout, 'drain', { signal: this.signal });
  }

  /** What to do next: for a person who sees tables, not for a program that reads JSON. */
  note(text: string): void {
    if (!this.watched || this.mode !== 'table') return;
    const { stderr } = this.environment;
    // A command is copied as one line, however the terminal breaks it.
    const lines = text.split('\n').map((line) => (line.includes('batch ') ? line : inLines(line, stderr)));
    stderr.write(`${lines.join('\n')}\n`);
  }

  /** What a person should know whatever becomes of the result. */
  warn(text: string): void {
    if (this.watched) this.environment.stderr.write(`${printable(text)}\n`);
  }

  /**
   * Writes what must be known while the command still runs, even if nobody watches: a line of text, with JSON output an
   * object in one line.
   */
  tell(event: { message: string } & Record<string, unknown>): void {
    this.line?.stop();
    const text = this.mode === 'json' ? JSON.stringify(event) : event.message.split('\n').map(printable).join('\n');
    this.environment.stderr.write(`${text}\n`);
  }

  /** A command of this program as it can be copied: for the same service. */
  command(words: string): string {
    const { apiUrl, profile } = this.options;
    const flags = [apiUrl && `--api-url ${apiUrl}`, profile && `--profile ${profile}`].filter(Boolean);
    return ['batch', words, ...flags].join(' ');
  }

  #noteRetry({ error, delayMs, leftMs }: RetryNotice): void {
    const [pause, left] = [(delayMs / 1000).toFixed(1), Math.ceil(leftMs / 1000)];
    const message = `${error.message}; trying again in ${pause} s, for ${left} s at most`;
    this.tell({ message: this.mode === 'json' ? message : inLines(message, this.environment.stderr) });
  }
}

/** Text with line breaks between its words, as wide as the terminal; in one line if it is none. */
function inLines(text: string, { isTTY, columns }: Terminal): string {
  return isTTY === true && columns ? wrapped(text, columns).join('\n') : text;
}

/** A terminal gets tables, anything else JSON. */
export function outputMode(flag: OutputMode | undefined, environment: Environment): OutputMode {
  return flag ?? (environment.stdout.isTTY === true ? 'table' : 'json');
}

/** `CODE: message` and the hint on stderr; with JSON output an object like the service's own problems. */
export function report(failure: Failure, mode: OutputMode, environment: Environment): void {
  const { code, message, hint, problem } = failure;
  const { stderr, env } = environment;
  if (mode === 'json') {
    stderr.write(`${JSON.stringify(problem ?? { error: code, message, hint }, null, 2)}\n`);
    return;
  }
  const style = styleFor(stderr, env);
  const said = inLines(`${code}: ${printable(message)}`, stderr);
  stderr.write(`${style.red(`${code}:`)}${said.slice(code.length + 1)}\n`);
  if (hint !== null) {
    stderr.write(`${style.dim('hint:')}${inLines(`hint: ${printable(hint)}`, stderr).slice('hint:'.length)}\n`);
  }
  if (problem?.error === 'INTERNAL_ERROR')
    stderr.write(`${style.dim('request_id:')} ${printable(problem.request_id)}\n`);
}

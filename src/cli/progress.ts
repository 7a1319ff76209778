import type { Job, UploadProgress } from 'batch-ingest-sdk';
import type { Options, SingleBar } from 'cli-progress';
import { bar } from './render/bar.js';
import { jobBar } from './render/job-table.js';
import { bytes, counted } from './render/units.js';
import type { LiveLine, Session } from './session.js';

const WIDTH = 24;
/** On a terminal of less than 80 cells. */
const NARROW_WIDTH = 10;
const LABEL = 'Processing'.length;

/** `Uploading   [######------------------]  25%  2.5 MiB of 10.0 MiB  48.2 MiB/s`. */
export function uploadLine(session: Session): Promise<LiveLine<UploadProgress>> {
  return liveLine(session, uploadText);
}

/** `Processing  [########XX--------------]  41%  9000 rows, 10 rejected`. */
export function processingLine(session: Session): Promise<LiveLine<Job>> {
  return liveLine(session, (job: Job) => processingText(job, session.environment.stderr.columns));
}

export function uploadText({ bytesSent, bytesTotal }: UploadProgress, elapsedMs: number): string {
  const speed = elapsedMs > 0 ? `  ${bytes(Math.round((bytesSent / elapsedMs) * 1000))}/s` : '';
  const label = 'Uploading'.padEnd(LABEL);
  if (bytesTotal === null) return `${label}  ${bytes(bytesSent)}${speed}`;
  // An empty file is sent as soon as it is opened.
  const gauge = bytesTotal === 0 ? bar(1, 1, 0, WIDTH) : bar(bytesSent, bytesTotal, 0, WIDTH);
  return `${label}  ${gauge}  ${bytes(bytesSent)} of ${bytes(bytesTotal)}${speed}`;
}

/** `columns`: cells of the terminal; what does not fit is left out whole, as the table below has it. */
export function processingText(job: Job, columns = Number.POSITIVE_INFINITY): string {
  const rejected = job.totals.errors > 0 ? `, ${job.totals.errors} rejected` : '';
  const rows = `${counted(job.totals.rows, 'row')}${rejected}`;
  const isLoading = (job.state === 'SUCCESS' || job.state === 'PARTIAL_SUCCESS') && job.sinks.length > 0;
  if (isLoading) return loadingText(job);
  const state = job.state === 'RUNNING' ? '' : `  ${job.state}`;
  const line = `${'Processing'.padEnd(LABEL)}  ${jobBar(job, columns < 80 ? NARROW_WIDTH : WIDTH)}  ${rows}`;
  return line.length + state.length < columns ? line + state : line;
}

/** `Loading     [############------------]  50%  clickhouse 9000, postgres 4500 RETRYING`: that of the slowest. */
function loadingText({ totals, sinks }: Job): string {
  const done = Math.min(...sinks.map(({ lag }) => totals.ok - lag));
  const each = sinks.map(({ name, rows, state }) => `${name} ${rows}${state === 'LOADING' ? '' : ` ${state}`}`);
  const gauge = totals.ok === 0 ? bar(1, 1, 0, WIDTH) : bar(done, totals.ok, 0, WIDTH);
  return `${'Loading'.padEnd(LABEL)}  ${gauge}  ${each.join(', ')}`;
}

/** Writes to stderr; does nothing if nobody watches. */
async function liveLine<T>(session: Session, text: (value: T, elapsedMs: number) => string): Promise<LiveLine<T>> {
  if (!session.watched) return { update: () => undefined, stop: () => undefined };
  const { SingleBar } = await import('cli-progress');
  const line = new BarLine(
    (format) =>
      new SingleBar({
        stream: session.environment.stderr,
        format,
        hideCursor: true,
        forceRedraw: true,
        // Ctrl-C is ours: the line is stopped like after any other error.
        gracefulExit: false,
      }),
    text,
  );
  session.line = line;
  return line;
}

class BarLine<T> implements LiveLine<T> {
  readonly #bar: SingleBar;
  #shown = '';
  /** null: not drawn now. */
  #startedAt: number | null = null;

  constructor(
    make: (format: NonNullable<Options['format']>) => SingleBar,
    private readonly text: (value: T, elapsedMs: number) => string,
  ) {
    this.#bar = make(() => this.#shown);
  }

  update(value: T): void {
    const now = Date.now();
    const isNew = this.#startedAt === null;
    this.#startedAt ??= now;
    this.#shown = this.text(value, now - this.#startedAt);
    if (isNew) this.#bar.start(1, 0);
    else this.#bar.update(0);
  }

  stop(): void {
    if (this.#startedAt !== null) this.#bar.stop();
    this.#startedAt = null;
  }
}

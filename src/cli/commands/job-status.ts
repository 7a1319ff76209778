import type { BatchClient, Job } from 'batch-ingest-sdk';
import { jobDetails } from '../render/job-table.js';
import { displayWidth } from '../render/table.js';
import type { Session } from '../session.js';
import { followJob } from './job-wait.js';

/** Shows the job again at every change until it is over: in place on a terminal, one line of JSON each otherwise. */
export async function watchJob(session: Session, client: BatchClient, id: string): Promise<void> {
  const screen = new Screen(session);
  let shown = '';
  await followJob(session, client, id, 'sinks', (job) => {
    const text = textOf(job, session);
    if (text !== shown) screen.replace(text);
    shown = text;
  });
}

function textOf(job: Job, session: Session): string {
  return session.mode === 'json' ? `${JSON.stringify(job)}\n` : jobDetails(job, session.style, session.width);
}

/** Overwrites what it wrote before, if the stream is a terminal that shows tables. */
class Screen {
  #lines = 0;

  constructor(private readonly session: Session) {}

  replace(text: string): void {
    const { stdout } = this.session.environment;
    const inPlace = stdout.isTTY === true && this.session.mode === 'table';
    const back = inPlace && this.#lines > 0 ? `\x1b[${this.#lines}A\x1b[0J` : '';
    stdout.write(back + text);
    this.#lines = linesOf(text, stdout.columns ?? 80);
  }
}

/** Terminal lines that a text takes, long ones wrapped. */
function linesOf(text: string, columns: number): number {
  const escapes = new RegExp(`${'\x1b'}\\[[0-9;]*m`, 'g');
  const lines = text.replace(escapes, '').split('\n').slice(0, -1);
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
}

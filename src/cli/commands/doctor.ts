import { Command } from '@commander-js/extra-typings';
import type { Diagnosis, Finding } from 'batch-ingest-sdk';
import { CliError, EXIT } from '../failure.js';
import { type Paint, printable, type Style } from '../render/style.js';
import { displayWidth, wrapped } from '../render/table.js';
import type { Session } from '../session.js';

/** A mark and a word: it reads without colours and without symbols. */
const MARKS: Readonly<Record<Finding['status'], { mark: string; colour: keyof Style }>> = {
  ok: { mark: '✓ ok', colour: 'green' },
  unknown: { mark: '? unknown', colour: 'yellow' },
  warning: { mark: '! warning', colour: 'yellow' },
  error: { mark: '✗ error', colour: 'red' },
};
const MARK_CELLS = 11;
const EXIT_CODES = { ok: EXIT.done, error: EXIT.failed, warning: EXIT.partial } as const;

export function doctorCommand(open: () => Session) {
  return new Command('doctor')
    .description('Look for what is wrong with brokers, permissions, topics, stores and clocks, and say how to mend it.')
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing was found, 1 an error, 2 warnings or checks that could not be made. If the service does not start, run
  $ node dist/main.js doctor
in its folder (or container), with its settings in the environment.

Example:
  $ batch doctor`,
    )
    .action(async () => {
      const session = open();
      const client = await session.client();
      let diagnosis: Diagnosis;
      try {
        diagnosis = await client.diagnosis({ signal: session.signal });
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'BatchConnectionError') throw error;
        throw new CliError(
          'CONNECTION_FAILED',
          error.message,
          'Where the service runs, with its settings in the environment: node dist/main.js doctor',
        );
      }
      session.show(diagnosis, ({ findings }, style, width) => findingsText(findings, style, width));
      session.exitCode = EXIT_CODES[diagnosis.status];
    });
}

function findingsText(findings: readonly Finding[], style: Style, width: number): string {
  const cells = Math.max(...findings.map(({ check }) => displayWidth(check))) + 2;
  const margin = ' '.repeat(MARK_CELLS + cells);
  const inMargin = (text: string): string =>
    wrapped(printable(text), Math.max(30, width - margin.length)).join(`\n${margin}`);
  return findings
    .map(({ check, status, message, fix }) => {
      const { mark, colour } = MARKS[status];
      const paint: Paint = style[colour];
      const head = `${paint(mark)}${' '.repeat(MARK_CELLS - displayWidth(mark))}${printable(check).padEnd(cells)}`;
      // A command is copied as one line, however the terminal breaks it.
      const remedy = fix === null ? '' : `${margin}${style.bold('fix:')} ${printable(fix)}\n`;
      return `${head}${inMargin(message)}\n${remedy}`;
    })
    .join('');
}

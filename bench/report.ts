import { brokerCpuPerGb, type Contender, cpuPerGb, mbPerSecond, type Timed } from './runs.js';

/** What is aimed at, and whether it is met. */
export interface Aim {
  text: string;
  isMet: boolean;
}

export interface Row {
  what: string;
  figure: string;
  ratio?: string;
  aim?: Aim;
}

/** Collects the figures as Markdown, and prints them as they come. */
export class Report {
  readonly #lines: string[] = [];
  readonly #runs: string[] = [];
  readonly #missed: string[] = [];

  text(...lines: string[]): void {
    this.#lines.push(...lines, '');
    process.stdout.write(`${lines.join('\n')}\n\n`);
  }

  table(title: string, rows: readonly Row[]): void {
    for (const { what, figure, aim } of rows) {
      if (aim?.isMet === false) this.#missed.push(`- ${title}: ${what}: ${figure} (aim: ${aim.text})`);
    }
    this.text(
      `## ${title}`,
      '',
      '| | figure | ratio | aim | met |',
      '|---|---|---|---|---|',
      ...rows.map(({ what, figure, ratio = '', aim }) => {
        const met = aim === undefined ? '' : aim.isMet ? 'yes' : '**no**';
        return `| ${what} | ${figure} | ${ratio} | ${aim?.text ?? ''} | ${met} |`;
      }),
    );
  }

  addRun({ name, input }: Contender, run: Timed): void {
    const cells = [
      `${input.name}${input.everySecondBad ? ', every second row bad' : ''}, ${(run.bytes / 1e6).toFixed(0)} MB`,
      name,
      mbPerSecond(run).toFixed(1),
      cpuPerGb(run).toFixed(2),
      brokerCpuPerGb(run).toFixed(2),
    ];
    this.#runs.push(`| ${cells.join(' | ')} |`);
    process.stderr.write(`  ${cells.join(' | ')}\n`);
  }

  /** The whole page. */
  markdown(): string {
    const lines = [...this.#lines];
    if (this.#missed.length > 0) lines.push('## Missed', '', ...this.#missed, '');
    if (this.#runs.length > 0) {
      lines.push(
        '## Every timed run',
        '',
        'The broker takes two to three CPU-seconds for a GB of taxi on a machine that is warm. A run with much more of',
        'it met page faults or a neighbour, and its speed says little.',
        '',
        '| input | program | MB/s | its CPU-s per GB | the broker’s |',
        '|---|---|---|---|---|',
        ...this.#runs,
        '',
      );
    }
    return lines.join('\n');
  }
}

export function atLeast(value: number, limit: number, unit: string): Aim {
  return { text: `≥ ${limit} ${unit}`, isMet: value >= limit };
}

export function atMost(value: number, limit: number, unit: string): Aim {
  return { text: `≤ ${limit} ${unit}`, isMet: value <= limit };
}

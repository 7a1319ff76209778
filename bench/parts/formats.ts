import type { Bench } from '../bench.js';
import { runProgram } from '../contenders/child.js';

const PARQUET_ROWS_PER_MEGABYTE = 5_000;
const JSON_ROWS_PER_MEGABYTE = 3_000;

/** The readers of the other formats on one thread, without Kafka; Parquet against DuckDB, where there is one. */
export async function measureFormats({ scale, report }: Bench): Promise<void> {
  const { kernelMegabytes: megabytes, kernelRounds: rounds } = scale;
  const run = async (program: string, size: number): Promise<string> =>
    (await runProgram(`bench/${program}.ts`, [`${size}`, `${rounds}`])).output.trim();
  report.text('## Parquet alone', '', await run('parquet', megabytes * PARQUET_ROWS_PER_MEGABYTE));
  report.text('', '## JSON alone', '', ...listing(await run('json', megabytes * JSON_ROWS_PER_MEGABYTE)));
  report.text('', '## Compressed files alone', '', ...listing(await run('compressed', megabytes)));
}

function listing(text: string): string[] {
  return ['```', text, '```'];
}

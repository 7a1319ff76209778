import type { Bench } from '../bench.js';
import { runProgram } from '../contenders/child.js';

const ROWS_PER_MEGABYTE = 5_000;

/** Parquet to JSON on one thread, without Kafka, against DuckDB; says so where there is none. */
export async function measureParquet({ scale, report }: Bench): Promise<void> {
  const rows = scale.kernelMegabytes * ROWS_PER_MEGABYTE;
  const { output } = await runProgram('test/bench/parquet.ts', [`${rows}`, `${scale.kernelRounds}`]);
  report.text('## Parquet alone', '', output.trim());
}

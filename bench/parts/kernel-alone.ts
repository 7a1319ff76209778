import type { Bench } from '../bench.js';
import { lastLine, runProgram } from '../contenders/child.js';
import { INPUT_NAMES } from '../inputs.js';
import type { KernelFigures } from '../kernel.js';
import { atLeast } from '../report.js';
import { median } from '../statistics.js';

const AIMS = { taxi: 800, quoted: 1_200, narrow: 900 };

/** The kernel on one thread, from the page cache into batches that nobody sends. */
export async function measureKernel({ scale, report }: Bench): Promise<void> {
  const { output } = await runProgram('bench/kernel.ts', [`${scale.kernelMegabytes}`, `${scale.kernelRounds}`, 'json']);
  const inputs = lastLine<KernelFigures[]>(output);
  const rows = inputs.map(({ name, wall, perCpu }) => {
    const aimed = INPUT_NAMES.find((input) => name.startsWith(input) && !/bad|JSON/.test(name));
    const speed = median(wall);
    return {
      what: name,
      figure: `${speed.toFixed(0)} MB/s, ${median(perCpu).toFixed(0)} MB per CPU-second`,
      ...(aimed === undefined ? {} : { aim: atLeast(speed, AIMS[aimed], 'MB/s') }),
    };
  });
  report.table(`The kernel alone, ${scale.kernelMegabytes} MB each, median of ${scale.kernelRounds}`, rows);
}

import { Api } from '../../test/kit/api.js';
import { startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { type DeliveryRun, job } from '../contenders/job.js';
import { SCHEMAS } from '../inputs.js';
import { atLeast, atMost } from '../report.js';
import { cpuPerGb, interleave, mbPerSecond, medianOf, medianRatio } from '../runs.js';

/** Both files are read by the same runners: what is left is how long each is in its memory. */
const SAME_MEMORY = 1.15;

/** Every second row rejected, against the same rows without a fault. */
export async function measureRejects(bench: Bench): Promise<void> {
  const { broker, scale, rounds, report } = bench;
  const service = await startService({ brokers: broker.brokers });
  try {
    await new Api(service.url).createModel('taxi', SCHEMAS.taxi);
    const clean = job(service, bench.input('taxi', scale.mediumBytes));
    const bad = job(service, bench.input('taxi', scale.mediumBytes, true));
    await clean.run(); // the runners are warm from here on
    const runs = await interleave(bench, { clean, bad });
    const speed = { ours: mbPerSecond, theirs: mbPerSecond };
    const ratio = medianRatio(runs.bad, runs.clean, speed);
    const peak = ({ usage }: DeliveryRun): number => usage.runnerPeak / 1e6;
    const growth = medianRatio(runs.bad, runs.clean, { ours: peak, theirs: peak });
    report.table(
      `taxi with every second row bad, ${(scale.mediumBytes / 2 ** 20).toFixed(0)} MiB, median of ${rounds}`,
      [
        { what: 'clean, RUNNING → SUCCESS', figure: figure(runs.clean) },
        {
          what: 'every second row rejected, RUNNING → PARTIAL_SUCCESS',
          figure: figure(runs.bad),
          ratio: `${ratio.toFixed(2)} ×`,
          aim: atLeast(ratio, 0.5, '×'),
        },
        {
          what: 'peak memory of the runner, clean and bad',
          figure: `${medianOf(runs.clean, peak).toFixed(0)} MB, ${medianOf(runs.bad, peak).toFixed(0)} MB`,
          ratio: `${growth.toFixed(2)} ×`,
          aim: atMost(growth, SAME_MEMORY, '×'),
        },
      ],
    );
  } finally {
    await service.stop();
  }
}

function figure(runs: DeliveryRun[]): string {
  return `${medianOf(runs, mbPerSecond).toFixed(1)} MB/s, ${medianOf(runs, cpuPerGb).toFixed(2)} CPU-s per GB`;
}

import { Api } from '../../test/kit/api.js';
import { startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { type DeliveryRun, job } from '../contenders/job.js';
import { type InputName, SCHEMAS } from '../inputs.js';
import type { Row } from '../report.js';
import { brokerCpuPerGb, cpuPerGb, interleave, mbPerSecond, medianOf, medianRatio, type Timed } from '../runs.js';

const INPUTS: readonly InputName[] = ['taxi', 'quoted'];

/** Jobs with options that make more work of the same file, against jobs without. */
export async function measureOptions(bench: Bench): Promise<void> {
  const { broker, scale, rounds, report } = bench;
  const service = await startService({ brokers: broker.brokers });
  try {
    const rows: Row[] = [];
    for (const name of INPUTS) {
      await new Api(service.url).createModel(name, SCHEMAS[name]);
      const input = bench.input(name, scale.mediumBytes);
      const first = job(service, input);
      await first.run(); // the runners are warm from here on
      const { plain, json, zstd, gzip } = await interleave(bench, {
        plain: first,
        json: job(service, input, { valueFormat: 'json' }),
        zstd: job(service, input, { compression: 'zstd' }),
        gzip: job(service, input, { compression: 'gzip' }),
      });
      rows.push(
        row(name, plain, plain),
        row(`${name}, value_format=json`, json, plain),
        row(`${name}, compression=zstd`, zstd, plain),
        row(`${name}, compression=gzip`, gzip, plain),
      );
    }
    report.table(`Options, ${(scale.mediumBytes / 2 ** 20).toFixed(0)} MiB, median of ${rounds}`, rows);
  } finally {
    await service.stop();
  }
}

function row(what: string, runs: Timed<DeliveryRun>[], plain: Timed<DeliveryRun>[]): Row {
  const [speed, cpu, broker] = [mbPerSecond, cpuPerGb, brokerCpuPerGb].map((of) => medianOf(runs, of).toFixed(2));
  const ratio = medianRatio(runs, plain, { ours: mbPerSecond, theirs: mbPerSecond });
  const figure = `${speed} MB/s, ${cpu} CPU-s per GB (broker ${broker})`;
  return { what, figure, ratio: `${ratio.toFixed(2)} ×` };
}

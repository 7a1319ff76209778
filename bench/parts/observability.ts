import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../../test/kit/api.js';
import { hasCollector, startCollector } from '../../test/kit/collector.js';
import { type Service, startService } from '../../test/kit/service.js';
import type { Bench } from '../bench.js';
import { type DeliveryRun, job } from '../contenders/job.js';
import { SCHEMAS } from '../inputs.js';
import { atMost, type Row } from '../report.js';
import { interleave, medianOf, medianRatio, type Timed } from '../runs.js';

/** What tracing may take of the whole job path. */
const TRACES_SHARE = 1.03;

/** The job path of services with and without traces, and with and without ERRORS_LOG for a file that is half bad. */
export async function measureObservability(bench: Bench): Promise<void> {
  const { broker, scale, rounds, report } = bench;
  const collector = hasCollector ? await startCollector() : null;
  const folder = await mkdtemp(join(tmpdir(), 'batch-bench-'));
  const services: Service[] = [];
  const start = async (env: Record<string, string>): Promise<Service> => {
    const service = await startService({ brokers: broker.brokers, env });
    services.push(service);
    await new Api(service.url).createModel('taxi', SCHEMAS.taxi);
    return service;
  };
  try {
    const input = bench.input('taxi', scale.mediumBytes);
    const bad = bench.input('taxi', scale.mediumBytes, true);
    const plain = await start({});
    const logging = await start({ ERRORS_LOG: join(folder, 'errors.jsonl') });
    const tracing = collector && (await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }));
    for (const service of services) await job(service, input).run(); // the runners are warm from here on
    const runs = await interleave(bench, {
      off: job(plain, input),
      traced: tracing && job(tracing, input, {}, 'Batch, traced'),
      badOff: job(plain, bad),
      badLogged: job(logging, bad, {}, 'Batch, ERRORS_LOG'),
    });
    report.table(`traces and ERRORS_LOG, taxi, ${(scale.mediumBytes / 2 ** 20).toFixed(0)} MiB, median of ${rounds}`, [
      ...(tracing === null ? [] : [compared('traces, a collector beside', runs.traced, runs.off, TRACES_SHARE)]),
      compared('ERRORS_LOG, every second row rejected', runs.badLogged, runs.badOff),
    ]);
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await collector?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function compared(what: string, on: Timed<DeliveryRun>[], off: Timed<DeliveryRun>[], most?: number): Row {
  const ratio = medianRatio(on, off, { ours: wholeCpuPerGb, theirs: wholeCpuPerGb });
  return {
    what: `${what}, CPU of API and runner`,
    figure: `${medianOf(off, wholeCpuPerGb).toFixed(2)} → ${medianOf(on, wholeCpuPerGb).toFixed(2)} CPU-s per GB`,
    ratio: `${ratio.toFixed(3)} ×`,
    ...(most === undefined ? {} : { aim: atMost(ratio, most, '×') }),
  };
}

function wholeCpuPerGb({ bytes, usage }: DeliveryRun): number {
  return (usage.apiCpu + usage.runnerCpu) / (bytes / 1e9);
}

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { apiKills } from './api-kills.js';
import { brokerKills } from './broker-kills.js';
import { BrokersStage } from './brokers/brokers-stage.js';
import { clockSteps } from './brokers/clock-steps.js';
import { cutNodes } from './brokers/cut-nodes.js';
import { elections } from './brokers/elections.js';
import { frozenNodes, wokenLeaders } from './brokers/frozen-nodes.js';
import { lostIsr } from './brokers/lost-isr.js';
import { nodeKills } from './brokers/node-kills.js';
import { offlineTopics } from './brokers/offline-topics.js';
import { rollingRestarts } from './brokers/rolling-restarts.js';
import { cancels } from './cancels.js';
import { ClusterStage } from './cluster/cluster-stage.js';
import { machineFaults } from './cluster/machine-faults.js';
import { control } from './control.js';
import { frozenRunners } from './frozen-runners.js';
import { fullDisk } from './full-disk.js';
import type { JobStage } from './job-stage.js';
import { lateBytes } from './late-bytes.js';
import { lostMarkers } from './lost-markers.js';
import { lostReplies, silence } from './lost-replies.js';
import { quotas } from './quotas.js';
import { restarts } from './restarts.js';
import { runnerKills } from './runner-kills.js';
import { saslRestarts } from './sasl-restarts.js';
import { frozenWorkers } from './sinks/frozen-workers.js';
import { lateInserts } from './sinks/late-inserts.js';
import { rolledWindow } from './sinks/rolled-window.js';
import { sinkControl } from './sinks/sink-control.js';
import { sinkKills } from './sinks/sink-kills.js';
import { SinksStage } from './sinks/sinks-stage.js';
import { type Scenario, Stage } from './stage.js';
import { stepKills } from './step-kills.js';
import { listCounts, Tally } from './tally.js';

/**
 * `npm run test:crash`: breaks what can break around a job, and after each time compares both topics with what the
 * file's maker says they must hold. Exit status 1 where anything differs; the seed repeats the run.
 */

const SCENARIOS: readonly Scenario[] = [
  control,
  runnerKills,
  stepKills,
  frozenRunners,
  lateBytes,
  lostReplies,
  silence,
  apiKills,
  restarts,
  fullDisk,
  cancels,
  quotas,
  saslRestarts,
  // Last: what they leave of the broker is nothing to go on with.
  lostMarkers,
  brokerKills,
];

/** On three nodes. */
const BROKERS_SCENARIOS: readonly Scenario<BrokersStage>[] = [
  nodeKills,
  wokenLeaders,
  frozenNodes,
  elections,
  rollingRestarts,
  lostIsr,
  cutNodes,
  offlineTopics,
  clockSteps,
];

/** On two APIs and three workers. */
const CLUSTER_SCENARIOS: readonly Scenario<ClusterStage>[] = [machineFaults];

/** On both databases. */
const SINKS_SCENARIOS: readonly Scenario<SinksStage>[] = [
  sinkKills,
  lateInserts,
  rolledWindow,
  frozenWorkers,
  sinkControl,
];

const HELP = `usage: scripts/crash.sh [--brokers | --cluster | --sinks] [--short] [--only NAME[,NAME…]] [--times N] [--seed N]

  --brokers    the second list, on a cluster of three brokers, instead of the first
  --cluster    the third list, on APIs and workers with PostgreSQL, Redis and S3
  --sinks      the fourth list, on workers with ClickHouse and PostgreSQL as sinks
  --short      few times each, in about a minute, with the same seed every time
  --only       some of the scenarios
  --times      how often, instead of each scenario's own number
  --seed       of the moments and places; without it another one each time

${list(SCENARIOS)}

with --brokers:

${list(BROKERS_SCENARIOS)}

with --cluster:

${list(CLUSTER_SCENARIOS)}

with --sinks:

${list(SINKS_SCENARIOS)}
`;

const SHORT_SEED = 20_261_121;

/** How often a scenario is wanted. */
type TimesOf = (scenario: { name: string; times: Scenario['times'] }) => number;

interface Result {
  name: string;
  what: string;
  tally: Tally;
  seconds: number;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      brokers: { type: 'boolean', default: false },
      cluster: { type: 'boolean', default: false },
      sinks: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
      only: { type: 'string' },
      times: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const names = values.only?.split(',');
  const scenarios: readonly { name: string }[] = values.brokers
    ? BROKERS_SCENARIOS
    : values.cluster
      ? CLUSTER_SCENARIOS
      : values.sinks
        ? SINKS_SCENARIOS
        : SCENARIOS;
  const unknown = names?.filter((name) => !scenarios.some((scenario) => scenario.name === name)) ?? [];
  const seed = Number(values.seed ?? (values.short ? SHORT_SEED : 1 + (Date.now() % 1_000_000_000)));
  const given = values.times === undefined ? undefined : Number(values.times);
  if (unknown.length > 0 || !Number.isSafeInteger(seed) || !Number.isSafeInteger(given ?? 1)) {
    process.stderr.write(HELP);
    return 64;
  }
  process.stdout.write(`seed ${seed}, load average ${loadavg()[0]?.toFixed(2)}\n`);
  const timesOf: TimesOf = ({ name, times }) => {
    if (names !== undefined && !names.includes(name)) return 0;
    return given ?? (values.short ? times.short : times.long);
  };
  const results = values.brokers
    ? await playAll(await BrokersStage.open(seed), BROKERS_SCENARIOS, timesOf)
    : values.cluster
      ? await playAll(await ClusterStage.open(seed), CLUSTER_SCENARIOS, timesOf)
      : values.sinks
        ? await playAll(await SinksStage.open(seed), SINKS_SCENARIOS, timesOf)
        : await playAll(await Stage.open(seed), SCENARIOS, timesOf);
  process.stdout.write(`\n${table(results)}\n`);
  const failed = results.filter(({ tally }) => tally.failures.length > 0).length;
  process.stdout.write(`\nseed ${seed}: ${results.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

async function playAll<S extends JobStage>(
  stage: S,
  scenarios: readonly Scenario<S>[],
  timesOf: TimesOf,
): Promise<Result[]> {
  const results: Result[] = [];
  try {
    for (const scenario of scenarios) {
      const times = timesOf(scenario);
      if (times === 0) continue;
      const started = performance.now();
      const tally = await play(stage, scenario, times);
      const result = { ...scenario, tally, seconds: (performance.now() - started) / 1000 };
      results.push(result);
      process.stdout.write(`${describe(result)}\n`);
    }
  } finally {
    await stage.close();
  }
  return results;
}

async function play<S extends JobStage>(stage: S, scenario: Scenario<S>, times: number): Promise<Tally> {
  const tally = new Tally();
  stage.begin(tally);
  const commits = stage.commits;
  try {
    await scenario.run(stage, times);
  } catch (error) {
    tally.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.stdout.write(`${stage.lastLog()}\n`);
  } finally {
    await stage.leave();
    await stage.recover();
  }
  tally.commits += stage.commits - commits;
  return tally;
}

function describe({ name, what, tally, seconds }: Result): string {
  const { faultCount, faults, events, jobs, commits, rows, lost, doubled, reordered, altered, resumed, failures } =
    tally;
  const lines = [
    `${name}: ${what}`,
    `  ${faultCount} took effect (${listCounts(faults)}); ${jobs} jobs, ${commits} commits, ${rows} rows compared: ` +
      `${lost} lost, ${doubled} doubled, ${reordered} reordered, ${altered} altered, ${resumed} failures resumed; ` +
      `${seconds.toFixed(0)} s: ` +
      (failures.length === 0 ? 'ok' : 'FAILED'),
  ];
  if (events.size > 0) lines.push(`  ${listCounts(events)}`);
  return [...lines, ...failures.slice(0, 20).map((failure) => `  ! ${failure}`)].join('\n');
}

function table(results: readonly Result[]): string {
  const head = [
    'scenario',
    'faults',
    'jobs',
    'commits',
    'rows',
    'lost',
    'doubled',
    'reordered',
    'altered',
    'resumed',
    's',
    '',
  ];
  const rows = results.map(({ name, tally, seconds }) => [
    name,
    ...[tally.faultCount, tally.jobs, tally.commits, tally.rows].map(String),
    ...[tally.lost, tally.doubled, tally.reordered, tally.altered, tally.resumed].map(String),
    seconds.toFixed(0),
    tally.failures.length === 0 ? 'ok' : 'FAILED',
  ]);
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [head, ...rows].map(line).join('\n');
}

function list(scenarios: readonly { name: string; what: string; times: Scenario['times'] }[]): string {
  return scenarios
    .map(({ name, what, times }) => `  ${name.padEnd(16)} ${what} (${times.long}, short ${times.short})`)
    .join('\n');
}

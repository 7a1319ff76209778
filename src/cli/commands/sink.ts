import { createInterface } from 'node:readline/promises';
import { Argument, Command } from '@commander-js/extra-typings';
import type { Job, SinkName } from 'batch-ingest-sdk';
import { CliError, EXIT } from '../failure.js';
import { sinkStatusTable, sinkTable } from '../render/sink-table.js';
import type { Style } from '../render/style.js';
import type { Session } from '../session.js';
import { followJob } from './job-wait.js';
import { SINK_NAMES } from './options.js';

const name = () => new Argument('<sink>', 'clickhouse or postgres').choices(SINK_NAMES);
const someName = () => new Argument('[sink]', 'only this one').choices(SINK_NAMES);

export function sinkCommand(open: () => Session) {
  const sink = new Command('sink').description('Load the rows of jobs into databases, and look how far they are.');

  sink
    .command('list')
    .description('List the sinks of the service, and how many jobs wait for them.')
    .addHelpText('after', '\nExample:\n  $ batch sink list')
    .action(async () => {
      const session = open();
      const client = await session.client();
      const sinks = await client.listSinks({ signal: session.signal });
      session.show(sinks, sinkStatusTable);
      if (sinks.length === 0)
        session.note('The service has no sinks: set CLICKHOUSE_URL or POSTGRES_SINK_URL on the server.');
    });

  sink
    .command('status')
    .description('Show how far the rows of a job are in its sinks.')
    .argument('<job>')
    .addArgument(someName())
    .addHelpText('after', '\nExamples:\n  $ batch sink status a1b2c3d4\n  $ batch sink status a1b2c3d4 clickhouse')
    .action(async (id, sinkName) => {
      const session = open();
      const client = await session.client();
      const job = await client.getJob(id, { signal: session.signal });
      if (sinkName === undefined) return show(session, job);
      const found = job.sinks.filter((each) => each.name === sinkName);
      if (found.length > 0) return show(session, { ...job, sinks: found });
      const hint = `Load it: ${session.command(`sink add ${id} ${sinkName}`)}`;
      throw new CliError('SINK_NOT_FOUND', `job ${id} is not loaded into ${sinkName}`, hint);
    });

  sink
    .command('add')
    .description('Load the rows of a job into sinks, or again after they were removed from them.')
    .argument('<job>')
    .addArgument(new Argument('<sink...>', 'clickhouse, postgres, or both').choices(SINK_NAMES))
    .option('--wait', 'wait until they are loaded; exit 1 if that fails, 2 if a sink rejects rows')
    .addHelpText(
      'after',
      '\nExamples:\n  $ batch sink add a1b2c3d4 clickhouse --wait\n  $ batch sink add a1b2c3d4 clickhouse postgres',
    )
    .action(async (id, sinkNames, options) => {
      const session = open();
      const client = await session.client();
      const job = await client.addSinks(id, [...new Set(sinkNames)], { signal: session.signal });
      if (options.wait === true) return conclude(session, id, sinkNames);
      show(session, job);
      session.note(`\nNext: batch job wait ${id}`);
    });

  sink
    .command('retry')
    .description('Try to load a job into a sink again, now, from where the sink is.')
    .argument('<job>')
    .addArgument(name())
    .option('--wait', 'wait until the rows are loaded; exit 1 if that fails, 2 if the sink rejects rows')
    .addHelpText('after', '\nExample:\n  $ batch sink retry a1b2c3d4 postgres')
    .action(async (id, sinkName, options) => {
      const session = open();
      const client = await session.client();
      const job = await client.retrySink(id, sinkName, { signal: session.signal });
      if (options.wait === true) return conclude(session, id, [sinkName]);
      show(session, job);
      session.note(`\nNext: batch job wait ${id}`);
    });

  sink
    .command('remove')
    .description('Take the rows of a job out of a sink. The job and its topics stay.')
    .argument('<job>')
    .addArgument(name())
    .option('--yes', 'do not ask on a terminal')
    .option('--wait', 'wait until they are removed')
    .addHelpText(
      'after',
      '\nExamples:\n  $ batch sink remove a1b2c3d4 clickhouse\n  $ batch sink remove a1b2c3d4 postgres --yes --wait',
    )
    .action(async (id, sinkName, options) => {
      const session = open();
      const client = await session.client();
      if (options.yes !== true) await confirm(session, id, sinkName);
      const job = await client.removeSinkRows(id, sinkName, { signal: session.signal });
      if (options.wait === true) return conclude(session, id, [sinkName]);
      show(session, job);
      session.note(`\nLoad them again: batch sink add ${id} ${sinkName}`);
    });

  return sink;
}

/** The sinks of a job; as JSON only these, too. */
function show(session: Session, job: Job): void {
  session.show(job.sinks, (sinks, style: Style, width) => sinkTable(sinks, style, Date.now(), width));
  if (job.sinks.length === 0) session.note(`The job has no sinks. Load it: batch sink add ${job.job_id} SINK`);
}

/** Waits for these sinks of the job, shows all, and sets the exit code by them. */
async function conclude(session: Session, id: string, names: readonly SinkName[]): Promise<void> {
  const job = await followJob(session, await session.client(), id, 'sinks', () => undefined);
  show(session, job);
  const sinks = job.sinks.filter((each) => names.includes(each.name));
  if (sinks.some(({ state }) => state === 'FAILED')) session.exitCode = EXIT.failed;
  else if (sinks.some(({ state }) => state === 'PENDING')) {
    // A job that has ended otherwise has no rows to come.
    session.exitCode = EXIT.failed;
    session.note(
      `\nThe job is ${job.state}: its rows are loaded when it has ended well. See it: batch job status ${id}`,
    );
  } else if (sinks.some(({ rejected }) => rejected > 0)) {
    session.exitCode = EXIT.partial;
    session.note(`\nRows were rejected. See why: batch job rejected ${id}`);
  }
}

/** On a terminal only: a program knows what it does. */
async function confirm(session: Session, id: string, sinkName: SinkName): Promise<void> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !session.watched) return;
  const ask = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await ask.question(`Take all rows of job ${id} out of ${sinkName}? [y/N] `, {
      signal: session.signal,
    });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    ask.close();
  }
  throw new CliError('USAGE', 'nothing was removed', 'Answer y, or give --yes.', EXIT.usage);
}

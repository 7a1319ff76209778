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
    .addHelpText('after', '\nExample:\n  $ batch sink status a1b2c3d4')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      show(session, await client.getJob(id, { signal: session.signal }));
    });

  sink
    .command('add')
    .description('Load the rows of a job into a sink, or again after they were removed from it.')
    .argument('<job>')
    .addArgument(name())
    .option('--wait', 'wait until they are loaded; exit 1 if that fails')
    .addHelpText('after', '\nExample:\n  $ batch sink add a1b2c3d4 clickhouse --wait')
    .action(async (id, sinkName, options) => {
      const session = open();
      const client = await session.client();
      const job = await client.addSinks(id, [sinkName], { signal: session.signal });
      if (options.wait === true) return conclude(session, id, sinkName);
      show(session, job);
      session.note(`\nNext: batch job wait ${id}`);
    });

  sink
    .command('retry')
    .description('Try to load a job into a sink again, now, from where the sink is.')
    .argument('<job>')
    .addArgument(name())
    .option('--wait', 'wait until the rows are loaded; exit 1 if that fails')
    .addHelpText('after', '\nExample:\n  $ batch sink retry a1b2c3d4 postgres')
    .action(async (id, sinkName, options) => {
      const session = open();
      const client = await session.client();
      const job = await client.retrySink(id, sinkName, { signal: session.signal });
      if (options.wait === true) return conclude(session, id, sinkName);
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
      if (options.wait === true) return conclude(session, id, sinkName);
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

async function conclude(session: Session, id: string, sinkName: SinkName): Promise<void> {
  const job = await followJob(session, await session.client(), id, 'sinks', () => undefined);
  show(session, job);
  if (job.sinks.find(({ name: each }) => each === sinkName)?.state === 'FAILED') session.exitCode = EXIT.failed;
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

import { Command, Option } from '@commander-js/extra-typings';
import type { JobSummary } from 'batch-ingest-sdk';
import { jobDetails, jobTable } from '../render/job-table.js';
import type { Session } from '../session.js';
import { jobCreateCommand } from './job-create.js';
import { jobRejectedCommand } from './job-rejected.js';
import { watchJob } from './job-status.js';
import { waitAndConclude } from './job-wait.js';
import { jobState, positiveInteger } from './options.js';

const DEFAULT_LIMIT = 100;

export function jobCommand(open: () => Session) {
  const job = new Command('job').description('Create, follow and manage jobs (one file each).');
  job.addCommand(jobCreateCommand(open));

  job
    .command('list')
    .description('List the jobs, newest first.')
    .option('--state <state>', 'only jobs in this state, such as FAILED', jobState)
    .option('--model <id>', 'only jobs of this model')
    .option('--resumable', 'only jobs that can be resumed')
    .option('--limit <n>', 'maximum number of jobs', positiveInteger, DEFAULT_LIMIT)
    .addHelpText(
      'after',
      '\nExamples:\n  $ batch job list\n  $ batch job list --state FAILED --model orders --limit 10\n  $ batch job list --state FAILED --resumable',
    )
    .action(async (options) => {
      const session = open();
      const client = await session.client();
      const filter = { state: options.state, modelId: options.model, resumable: options.resumable };
      // One more than is shown tells whether there are more.
      const paging = { pageSize: Math.min(options.limit + 1, 1000), signal: session.signal };
      const jobs: JobSummary[] = [];
      let more = false;
      for await (const entry of client.listJobs(filter, paging)) {
        more = jobs.length === options.limit;
        if (more) break;
        jobs.push(entry);
      }
      session.show(jobs, (listed, style, width) => jobTable(listed, style, Date.now(), width));
      if (jobs.length === 0) session.note('There are no such jobs. Create one: batch job create MODEL FILE');
      if (more) session.note(`\nThere are more: --limit ${options.limit * 10}`);
    });

  job
    .command('status')
    .description('Show a job.')
    .argument('<id>')
    .option('--watch', 'show it again at every change until it has ended')
    .addHelpText('after', '\nExamples:\n  $ batch job status a1b2c3d4\n  $ batch job status a1b2c3d4 --watch')
    .action(async (id, options) => {
      const session = open();
      const client = await session.client();
      if (options.watch === true) return watchJob(session, client, id);
      session.show(await client.getJob(id, { signal: session.signal }), jobDetails);
    });

  job
    .command('wait')
    .description(
      'Wait until a job has ended and its rows are in its sinks; exit 0 for SUCCESS, 2 if rows were rejected, 1 if it or a sink FAILED, or for CANCELLED, 75 if contact is lost.',
    )
    .argument('<id>')
    .addOption(
      new Option(
        '--until <what>',
        'sinks: until its rows are in its sinks, too (default); kafka: the job alone',
      ).choices(['sinks', 'kafka'] as const),
    )
    .addHelpText('after', '\nExample:\n  $ batch job wait a1b2c3d4 && echo all rows accepted')
    .action(async (id, options) => {
      const session = open();
      await waitAndConclude(session, await session.client(), id, options.until ?? 'sinks');
    });

  job
    .command('cancel')
    .description('Cancel a job. Rows committed so far stay in its topics; it can be resumed.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ batch job cancel a1b2c3d4')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      const cancelled = await client.cancelJob(id, { signal: session.signal });
      session.show(cancelled, jobDetails);
      if (cancelled.state === 'CANCELLING') session.note(`\nIt is still being stopped: batch job wait ${id}`);
      else session.note(`\nResume it: batch job resume ${id}`);
    });

  job
    .command('purge')
    .description('Permanently remove an ended job, its topics and all their records.')
    .argument('<id>')
    .option('--force', 'purge it even if its file is still kept because it was not fully delivered')
    .addHelpText('after', '\nExamples:\n  $ batch job purge a1b2c3d4\n  $ batch job purge a1b2c3d4 --force')
    .action(async (id, options) => {
      const session = open();
      const client = await session.client();
      await client.purgeJob(id, { force: options.force, signal: session.signal });
      session.show({ purged: id }, () => `Purged job ${id}\n`);
    });

  job
    .command('resume')
    .description(
      'Resume a cancelled or failed job from its last committed row. After some errors it cannot be resumed (docs/reference/errors.md).',
    )
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ batch job resume a1b2c3d4')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      session.show(await client.resumeJob(id, { signal: session.signal }), jobDetails);
      session.note(`\nNext: batch job wait ${id}`);
    });

  job.addCommand(jobRejectedCommand(open));
  return job;
}

import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { FeedFile, FeedFileState, FeedSummary, NewFeed } from 'batch-ingest-sdk';
import { feedDetails, feedFileTable, feedTable } from '../render/feed-table.js';
import { printable } from '../render/style.js';
import { counted } from '../render/units.js';
import type { Session } from '../session.js';
import { givenOf, JOB_FLAGS, withFlags } from './file-flags.js';
import { positiveInteger } from './options.js';

const STATES = ['PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED'] as const satisfies readonly FeedFileState[];
const AFTER = ['keep', 'move', 'delete'] as const;
/** Files that `feed files` shows, unless it is told otherwise. */
const SHOWN = 100;

/** `done`, `sha256`, `_SUCCESS`: a marker; a number: seconds without a change. */
function completeness(text: string): NewFeed['complete'] {
  const marker = (['done', 'sha256', '_SUCCESS'] as const).find((each) => each === text);
  if (marker !== undefined) return { marker };
  if (/^\d+$/.test(text)) return { stable: Number(text) };
  throw new InvalidArgumentError('It must be done, sha256, _SUCCESS, or a number of seconds.');
}

export function feedCommand(open: () => Session) {
  const feed = new Command('feed').description('Start jobs for files as they arrive in a folder or a bucket.');

  const create = new Command('create')
    .description('Create a feed: each file that is new, or has changed, becomes a job.')
    .argument('<id>', 'at most 63 letters, digits, _ and -, beginning with a letter or digit')
    .argument(
      '<uri>',
      'where the files lie: it ends in / or has * in it: file:///data/in/, s3://bucket/prefix/*.csv, gs:, az:',
    )
    .argument('<model>', 'the id of the model that the rows must satisfy')
    .option('--every <seconds>', 'from one listing to the next (default: 60)', positiveInteger)
    .addOption(
      new Option('--again <when>', 'whether a file that has changed is taken again (default: changed)').choices([
        'changed',
        'never',
      ] as const),
    )
    .addOption(new Option('--after <what>', 'what becomes of a delivered file (default: keep)').choices(AFTER))
    .addOption(
      new Option('--after-partial <what>', 'the same if rows of it were rejected (default: keep)').choices(AFTER),
    )
    .option('--move-to <uri>', 'where files are moved to; ends in /')
    .option(
      '--complete <how>',
      'a file is complete if there is <name>.done (done), <name>.sha256 (sha256), _SUCCESS in its folder (_SUCCESS), or if it has not changed for this number of seconds',
      completeness,
    )
    .option('--max-failures <n>', 'failed files in a row that pause the feed (default: 10)', positiveInteger)
    .option('--secret <text>', 'what whoever notifies the feed must send (default: it takes no notifications)');
  feed.addCommand(
    withFlags(create, JOB_FLAGS)
      .addHelpText(
        'after',
        `
The service lists and reads the files, with its own credentials, where SOURCES on the server allows it.

Examples:
  $ batch feed create orders file:///data/in/ orders --after move --move-to file:///data/done/
  $ batch feed create exports 's3://exports/orders/*.csv.gz' orders --every 300 --complete _SUCCESS
  $ batch feed create drops file:///data/drops/ orders --complete 30 --delimiter ';'`,
      )
      .action(async (id, source, modelId, options) => {
        const session = open();
        const client = await session.client();
        const { every, again, after, afterPartial, moveTo, complete, maxFailures, secret } = options;
        const settings = givenOf(JOB_FLAGS, options);
        const created = await client.createFeed(
          {
            ...settings,
            ...{ id, source, modelId, every, again, after, afterPartial, moveTo, complete, maxFailures, secret },
          },
          { signal: session.signal },
        );
        session.show(created, feedDetails);
        const { pending, in_progress: running, completed, failed } = created.files;
        const known = pending + running + completed + failed;
        if (known > 0) {
          session.note(`\nA feed of this id had found ${counted(known, 'file')} before: these are not taken again.`);
        }
        session.note(`\nNext: ${session.command(`feed files ${id}`)}`);
      }),
  );

  feed
    .command('list')
    .description('List the feeds, newest first.')
    .addHelpText('after', '\nExample:\n  $ batch feed list')
    .action(async () => {
      const session = open();
      const client = await session.client();
      const feeds: FeedSummary[] = [];
      for await (const each of client.listFeeds({ pageSize: 1000, signal: session.signal })) feeds.push(each);
      session.show(feeds, feedTable);
      if (feeds.length === 0) session.note('There are no feeds yet. Create one: batch feed create ID URI MODEL');
    });

  feed
    .command('status')
    .description('Show a feed, and how many files it has in each state.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ batch feed status orders')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      session.show(await client.getFeed(id, { signal: session.signal }), feedDetails);
    });

  feed
    .command('files')
    .description('List the files that a feed has found, the last ones first.')
    .argument('<id>')
    .addOption(new Option('--state <state>', 'only files in this state').choices(STATES))
    .option('--limit <n>', 'maximum number of files', positiveInteger, SHOWN)
    .addHelpText('after', '\nExamples:\n  $ batch feed files orders\n  $ batch feed files orders --state FAILED')
    .action(async (id, { state, limit }) => {
      const session = open();
      const client = await session.client();
      const files: FeedFile[] = [];
      const options = { pageSize: Math.min(limit, 1000), signal: session.signal };
      for await (const each of client.listFeedFiles(id, { state }, options)) {
        files.push(each);
        if (files.length === limit) break;
      }
      session.show(files, feedFileTable);
      if (files.length === limit) session.note(`\nThese are the last ${limit}. For more: --limit N`);
      if (files.some((each) => each.state === 'FAILED')) {
        session.note(`\nTake the failed ones again: ${session.command(`feed retry ${id}`)}`);
      }
      if (files.length === 0) {
        const found =
          state === undefined ? 'The feed has found no files yet' : `The feed has no files that are ${state}`;
        session.note(`${found}.\nWhen it has looked, and what is wrong: ${session.command(`feed status ${id}`)}`);
      }
    });

  feed
    .command('retry')
    .description('Take failed files again: those named, or all.')
    .argument('<id>')
    .argument('[file...]', 'ids of files, as feed files shows them')
    .addHelpText(
      'after',
      '\nExamples:\n  $ batch feed retry orders\n  $ batch feed retry orders 3q2-7wAAAAAAAAAAAAAAAA',
    )
    .action(async (id, files) => {
      const session = open();
      const client = await session.client();
      const retried = await client.retryFeedFiles(id, files.length === 0 ? undefined : files, {
        signal: session.signal,
      });
      const { state } = await client.getFeed(id, { signal: session.signal });
      const isPaused = retried > 0 && state === 'PAUSED';
      const when = isPaused ? ' once the feed goes on: it is paused' : '';
      session.show({ retried }, () => `${counted(retried, 'file')} will be taken again${when}\n`);
      if (retried === 0) session.note('Only files that are FAILED can be taken again.');
      if (isPaused) return session.note(`\nHave it go on: ${session.command(`feed resume ${id}`)}`);
      const shown = retried === 0 ? `feed files ${id} --state FAILED` : `feed files ${id}`;
      session.note(`\nNext: ${session.command(shown)}`);
    });

  feed
    .command('pause')
    .description('Pause a feed: it takes no files. Jobs that it has started go on.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ batch feed pause orders')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      session.show(await client.pauseFeed(id, { signal: session.signal }), feedDetails);
      session.note(`\nHave it go on: ${session.command(`feed resume ${id}`)}`);
    });

  feed
    .command('resume')
    .description('Have a paused feed go on, with a listing at once.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ batch feed resume orders')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      session.show(await client.resumeFeed(id, { signal: session.signal }), feedDetails);
      session.note(`\nNext: ${session.command(`feed files ${id}`)}`);
    });

  feed
    .command('delete')
    .description('Delete a feed. Its jobs go on; what it has taken is remembered for a feed of the same id.')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ batch feed delete orders')
    .action(async (id) => {
      const session = open();
      const client = await session.client();
      await client.deleteFeed(id, { signal: session.signal });
      session.show({ deleted: id }, () => `deleted ${printable(id)}\n`);
      session.note('\nWhat it has taken is remembered: a feed of this id takes these files only if they change.');
    });

  return feed;
}

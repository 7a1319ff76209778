import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { CliError, EXIT } from '../failure.js';
import { bytes as sizeText } from '../render/units.js';
import type { Session } from '../session.js';

export function adminCommand(open: () => Session) {
  return new Command('admin')
    .description('Back up the service, and restore it.')
    .addCommand(backupCommand(open))
    .addCommand(restoreCommand(open));
}

function backupCommand(open: () => Session) {
  return new Command('backup')
    .description('Write jobs and models to a file on the machine of the service, while it runs.')
    .addHelpText(
      'after',
      `
The file is a whole SQLite database in DATA_DIR/backups, where the newest seven are kept: copy it to another machine. Stored
files and topics are not in it. With DATABASE_URL=postgres://… use pg_dump.

Example:
  $ batch admin backup`,
    )
    .action(async () => {
      const session = open();
      const client = await session.client();
      const backup = await client.createBackup({ signal: session.signal });
      session.show(backup, ({ file, bytes }) => `${file} (${sizeText(bytes)}, on the machine of the service)\n`);
    });
}

function restoreCommand(open: () => Session) {
  return new Command('restore')
    .description('Go back to a backup. Run it where the service is installed, with its settings, while it is stopped.')
    .argument('[file]', 'the backup; none for a PostgreSQL that pg_restore has filled')
    .addHelpText(
      'after',
      `
It starts \`node dist/main.js restore\` of this installation. Jobs that were unfinished go on from what Kafka holds, feeds are
paused, and nothing is deleted. The database that was there is kept.

Example:
  $ batch admin restore .data/backups/batch-20261120T091500000Z.db`,
    )
    .action(async (file) => {
      const session = open();
      const { projectRoot, env } = session.environment;
      const program = join(projectRoot, 'dist', 'main.js');
      if (!existsSync(program)) {
        throw new CliError(
          'NOT_INSTALLED',
          `the service is not installed here (${program})`,
          'Where it is installed, with its settings: node dist/main.js restore FILE',
        );
      }
      const args = [program, 'restore', ...(file === undefined ? [] : [resolve(file)])];
      const child = spawn(process.execPath, args, { env: { ...env }, stdio: 'inherit' });
      const [status] = (await once(child, 'close')) as [number | null];
      session.exitCode = status === 0 ? EXIT.done : EXIT.failed;
    });
}

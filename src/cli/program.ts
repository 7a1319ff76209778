import { Command, Option } from '@commander-js/extra-typings';
import { adminCommand } from './commands/admin.js';
import { doctorCommand } from './commands/doctor.js';
import { feedCommand } from './commands/feed.js';
import { healthCommand } from './commands/health.js';
import { jobCommand } from './commands/job.js';
import { keyCommand } from './commands/key.js';
import { loginCommand, logoutCommand } from './commands/login.js';
import { modelCommand } from './commands/model.js';
import { wholeNumber } from './commands/options.js';
import { sinkCommand } from './commands/sink.js';
import type { Environment } from './environment.js';
import { Session } from './session.js';

/** The whole command line; `onSession` is told the invocation's session once its options are known. */
export function buildProgram(environment: Environment, onSession: (session: Session) => void) {
  const program = new Command('batch')
    .description('Files in, validated rows in Kafka exactly once.')
    .option(
      '--api-url <url>',
      'URL of the service (env: BATCH_API_URL; default: that of the profile, or the one that scripts/up.sh started)',
    )
    .option('--profile <name>', 'profile that `batch login` has stored (env: BATCH_PROFILE; default: the last one)')
    .addOption(
      new Option('--output <mode>', 'default: table on a terminal, json otherwise').choices(['table', 'json'] as const),
    )
    .option(
      '--max-outage <seconds>',
      'how long to retry while the service or Kafka is unreachable (default: 60)',
      wholeNumber,
    )
    .addHelpText(
      'after',
      `
Examples:
  $ batch model infer orders.csv > orders.json
  $ batch model create orders orders.json
  $ batch job create orders orders.csv --wait
  $ batch job list --output json

Exit codes: 0 done, 1 error or a job that FAILED or was CANCELLED, 2 PARTIAL_SUCCESS, 64 wrong usage, 75 lost contact
with the service (the job keeps running; the hint names the command to continue with), 130 interrupted.`,
    );
  // Commander gives an option to the outermost command that knows it, and this one has a separate --version.
  if (!environment.argv.includes('describe')) program.version(environment.version);
  const open = () => {
    const session = new Session(program.opts(), environment);
    onSession(session);
    return session;
  };
  program.addCommand(modelCommand(open));
  program.addCommand(jobCommand(open));
  program.addCommand(sinkCommand(open));
  program.addCommand(feedCommand(open));
  program.addCommand(keyCommand(open));
  program.addCommand(loginCommand(open));
  program.addCommand(logoutCommand(open));
  program.addCommand(healthCommand(open));
  program.addCommand(doctorCommand(open));
  program.addCommand(adminCommand(open));
  return program;
}

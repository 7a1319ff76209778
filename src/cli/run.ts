import { type Command, CommanderError } from '@commander-js/extra-typings';
import type { Environment } from './environment.js';
import { CliError, EXIT, toFailure } from './failure.js';
import { buildProgram } from './program.js';
import { outputMode, report, type Session } from './session.js';

/** Runs one command line and returns its exit code; never throws. */
export async function run(environment: Environment): Promise<number> {
  let session: Session | undefined;
  const program = buildProgram(environment, (opened) => {
    session = opened;
  });
  prepare(program, environment);
  try {
    // An option with an optional value would take the FILE behind `--wait` for it.
    const argv = environment.argv.map((word) => (word === '--wait=kafka' ? '--wait-kafka' : word));
    await program.parseAsync(argv, { from: 'user' });
    return session?.exitCode ?? EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError && isHelp(error)) return helpExitCode(error);
    const failure = toFailure(error instanceof CommanderError ? usageError(error) : error);
    report(failure, session?.mode ?? outputMode(wantedMode(environment.argv), environment), environment);
    return failure.exitCode;
  }
}

/** Neither the process nor its streams are commander's business. */
function prepare(
  command: Command<unknown[], Record<string, unknown>, Record<string, unknown>>,
  environment: Environment,
): void {
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void environment.stdout.write(text),
      writeErr: (text) => void environment.stderr.write(text),
      // Reported by us, in the output mode of the command.
      outputError: () => undefined,
      getOutHelpWidth: () => environment.stdout.columns ?? 100,
      getErrHelpWidth: () => environment.stderr.columns ?? 100,
    });
  for (const child of command.commands) prepare(child, environment);
}

function isHelp({ code }: CommanderError): boolean {
  return code === 'commander.help' || code === 'commander.helpDisplayed' || code === 'commander.version';
}

/** A group without a command (`batch job`) gets its help too, but did not ask for it. */
function helpExitCode({ exitCode }: CommanderError): number {
  return exitCode === 0 ? EXIT.done : EXIT.usage;
}

function usageError(error: CommanderError): CliError {
  const message = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
  return new CliError('USAGE', message, 'See the same command with --help.', EXIT.usage);
}

/** What --output says in a command line that could not be parsed. */
function wantedMode(argv: readonly string[]): 'table' | 'json' | undefined {
  const at = argv.findIndex((word) => word === '--output' || word.startsWith('--output='));
  const value = argv[at]?.split('=')[1] ?? argv[at + 1];
  return at >= 0 && (value === 'table' || value === 'json') ? value : undefined;
}

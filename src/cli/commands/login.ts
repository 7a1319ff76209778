import { Command } from '@commander-js/extra-typings';
import { CliError, EXIT } from '../failure.js';
import { profilesPath, readProfiles, writeProfiles } from '../profiles.js';
import type { Session } from '../session.js';

const DEFAULT_PROFILE = 'default';
const MAX_KEY_BYTES = 4096;

export function loginCommand(open: () => Session) {
  return new Command('login')
    .description('Store the API key of a service, for the commands to come.')
    .addHelpText(
      'after',
      `
The key is read from standard input; on a terminal you are asked for it. It is checked, then stored in
$XDG_CONFIG_HOME/batch/profiles.json (by default in ~/.config), which only you may read. It is sent to this service alone.

Examples:
  $ batch login --api-url https://batch.example.com
  $ batch login --api-url https://staging.example.com --profile staging < key.txt
  $ batch job list --profile staging`,
    )
    .action(async () => {
      const session = open();
      const { environment, profileName: name = DEFAULT_PROFILE } = session;
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) {
        const hint = 'Take at most 63 letters, digits, ., _ and -, beginning with a letter or digit.';
        throw new CliError('USAGE', `'${name}' cannot be the name of a profile`, hint, EXIT.usage);
      }
      const { url } = session.target(true);
      const key = await readKey(session);
      const client = await session.client({ url, key });
      const known = await client.getCurrentKey({ signal: session.signal });
      const stored = readProfiles(environment);
      const profiles = { ...stored.profiles, [name]: { api_url: client.baseUrl, api_key: key } };
      writeProfiles(environment, { current: name, profiles });
      const result = { profile: name, api_url: client.baseUrl, file: profilesPath(environment), key: known };
      session.show(result, () => `logged in to ${client.baseUrl} as ${known.name} (${known.scope})\n`);
      if (/^http:/.test(url) && !/^http:\/\/(localhost|127\.|\[::1\])/.test(url)) {
        session.warn('The service is asked without TLS: whoever is on the way can read the key. Use an https address.');
      }
    });
}

export function logoutCommand(open: () => Session) {
  return new Command('logout')
    .description('Forget the API key of a service. The key itself goes on being valid; `batch key revoke` ends it.')
    .addHelpText('after', '\nExamples:\n  $ batch logout\n  $ batch logout --profile staging')
    .action(() => {
      const session = open();
      const { environment } = session;
      const { current, profiles } = readProfiles(environment);
      const name = session.profileName ?? current;
      if (name === undefined || !Object.hasOwn(profiles, name)) {
        throw new CliError(
          'USAGE',
          `there is no profile '${name ?? DEFAULT_PROFILE}'`,
          'Log in first: batch login',
          EXIT.usage,
        );
      }
      const { [name]: _removed, ...left } = profiles;
      writeProfiles(environment, { current: current === name ? undefined : current, profiles: left });
      session.show({ profile: name }, () => `logged out of ${name}\n`);
    });
}

/** The key on standard input, without the line's end. */
async function readKey(session: Session): Promise<string> {
  const { stdin } = process;
  const text = stdin.isTTY ? await askKey(session) : await readAll(session);
  const key = text.trim();
  if (/^batch_[\x21-\x7E]+$/.test(key)) return key;
  throw new CliError(
    'USAGE',
    'there is no key on standard input',
    'A key begins with batch_; an administrator creates one: batch key create NAME',
    EXIT.usage,
  );
}

async function readAll({ environment }: Session): Promise<string> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of environment.stdin()) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length > MAX_KEY_BYTES) break;
  }
  return bytes.toString();
}

/** Shows nothing of what is typed. */
async function askKey(session: Session): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const { Writable } = await import('node:stream');
  session.environment.stderr.write('API key: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const ask = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await ask.question('', { signal: session.signal });
  } finally {
    ask.close();
    session.environment.stderr.write('\n');
  }
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';

/** A child process that never outlives the test process, with everything it printed. */
export interface OwnedProcess {
  readonly pid: number;
  /** Standard output and standard error so far. */
  output(): string;
  /** null while it runs; otherwise exit status or signal. */
  ending(): string | null;
  /** Resolves as soon as `found` gives something other than undefined; rejects with the output when the process ends or `timeoutMs` passes first. */
  until<T>(what: string, timeoutMs: number, found: () => T | undefined | Promise<T | undefined>): Promise<T>;
  /** Sends a signal; resolves when the process has ended, or at once for SIGSTOP and SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Its output once it has ended with status 0; rejects with the output when it ends otherwise or takes over `timeoutMs`, which ends it. */
  success(timeoutMs: number): Promise<string>;
  /** Asks with SIGTERM, insists with SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Where util-linux is there, the kernel itself ends the child when this process dies, by whatever signal. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

export function spawnOwned(command: string, args: string[], env: NodeJS.ProcessEnv = process.env): OwnedProcess {
  const [file, ...rest] = SETPRIV ? [SETPRIV, '--pdeathsig', 'KILL', '--', command, ...args] : [command, ...args];
  const child = spawn(file as string, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('error', (error) => chunks.push(Buffer.from(`${error.message}\n`)));
  const endWithParent = () => child.kill('SIGKILL');
  process.once('exit', endWithParent);
  const ended = once(child, 'close').finally(() => process.off('exit', endWithParent));
  ended.catch(() => undefined);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;

  const owned: OwnedProcess = {
    get pid() {
      return child.pid ?? -1;
    },
    output: () => Buffer.concat(chunks).toString('utf8'),
    ending: () => (hasEnded() ? `${child.signalCode ?? child.exitCode ?? 'not started'}` : null),
    async until(what, timeoutMs, found) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const result = await found();
        if (result !== undefined) return result;
        const reason = hasEnded()
          ? `ended (${owned.ending()})`
          : Date.now() > deadline
            ? `took over ${timeoutMs} ms`
            : null;
        if (reason !== null)
          throw new Error(`${command} ${reason} before ${what}. It said:\n${owned.output().slice(-8000)}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    async kill(signal) {
      if (hasEnded()) return;
      child.kill(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended;
    },
    async success(timeoutMs) {
      const tooLong = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await ended.finally(() => clearTimeout(tooLong));
      if (child.exitCode === 0) return owned.output();
      throw new Error(`${command} ended (${owned.ending()}). It said:\n${owned.output().slice(-8000)}`);
    },
    async stop(graceMs) {
      const insist = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await owned.kill('SIGTERM');
      clearTimeout(insist);
    },
  };
  return owned;
}

import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

type Kill = (signal: NodeJS.Signals) => void;

export interface RunOptions {
  env?: Record<string, string>;
  input?: string | undefined;
  /** Told how to signal the command, at once. */
  started?: (kill: Kill) => void;
  /** Told the same once stderr or stdout holds the text. */
  when?: [text: string, then: (kill: Kill) => void];
  /** Stops reading standard output after this number of chunks, as `head` does. */
  closeStdoutAfter?: number;
}

/** The command line as users have it, in its own project folder. */
export class Bundle {
  private constructor(readonly folder: string) {}

  static async build(): Promise<Bundle> {
    const bundle = new Bundle(await mkdtemp(join(tmpdir(), 'batch-cli-')));
    await writeFile(bundle.path('package.json'), '{"type":"module"}');
    await cp(join(root, 'bin'), bundle.path('bin'), { recursive: true });
    await promisify(execFile)(process.execPath, [
      join(root, 'scripts/bundle-cli.mjs'),
      bundle.path('dist/cli/batch.js'),
    ]);
    return bundle;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  run(args: string[], options: RunOptions = {}): Promise<Result> {
    const child = spawn(process.execPath, [this.path('bin/batch'), ...args], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const result: Result = { code: null, stdout: '', stderr: '' };
    const kill: Kill = (signal) => void child.kill(signal);
    options.started?.(kill);
    let waitingFor = options.when;
    let chunks = 0;
    const note = (stream: 'stdout' | 'stderr') => (text: string) => {
      result[stream] += text;
      if (stream === 'stdout' && ++chunks === options.closeStdoutAfter) child.stdout.destroy();
      if (waitingFor && result[stream].includes(waitingFor[0])) {
        const [, then] = waitingFor;
        waitingFor = undefined;
        then(kill);
      }
    };
    child.stdout.setEncoding('utf8').on('data', note('stdout'));
    child.stderr.setEncoding('utf8').on('data', note('stderr'));
    if (options.input !== undefined) child.stdin.end(options.input);
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        child.stdin.destroy();
        resolve({ ...result, code });
      });
    });
  }
}

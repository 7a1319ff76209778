/** Everything the CLI knows of the process it runs in; only its main builds one from the real process. */
export interface Environment {
  /** The arguments after the program's name. */
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  stdin: () => AsyncIterable<Uint8Array>;
  /** Where the user's folders are. */
  home: string;
  stdout: Terminal;
  stderr: Terminal;
  /** Where bin/batch lives: `.run/env` there names a service that was started with scripts/up.sh. */
  projectRoot: string;
  version: string;
  /** Aborts with an Interrupted on Ctrl-C. */
  interrupt: AbortSignal;
}

export type Terminal = NodeJS.WriteStream | (NodeJS.WritableStream & { isTTY?: boolean; columns?: number });

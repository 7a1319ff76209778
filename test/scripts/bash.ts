import { spawnSync } from 'node:child_process';

/** Runs a piece of bash after the named files of scripts/lib, with RUN_DIR as given; its output, trimmed. */
export function bash(
  libraries: string[],
  code: string,
  runDir = '/nonexistent',
): { status: number | null; out: string } {
  const script = [...libraries.map((name) => `. scripts/lib/${name}.sh`), `RUN_DIR='${runDir}'`, code].join('\n');
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-uo', 'pipefail', '-c', script], {
    encoding: 'utf8',
  });
  return { status, out: (stdout + stderr).trim() };
}

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** Runs the built service until it ends by itself. */
export async function runService(
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [resolve('dist/main.js'), ...args], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const status = await new Promise<number | null>((done) => child.once('close', done));
  return { status, stdout, stderr };
}

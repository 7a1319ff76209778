import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../kit/ports.js';

/** Asynchronous, so that a server of this very process can accept while the script looks. */
async function firstFree(from: number): Promise<number> {
  const code = `. scripts/lib/common.sh; . scripts/lib/ports.sh; free_port ${from}`;
  return Number((await promisify(execFile)('bash', ['-c', code])).stdout);
}

const listen = (port: number) =>
  new Promise<Server>((resolve) => {
    const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1', () => resolve(server));
  });

/** What a stack does: it looks for a port, and has a process listen there. Prints the port; '' where it was taken. */
function startStack(from: number, tmp: string): Promise<string> {
  const listener = `require('node:net').createServer().on('error', () => process.exit(1)).listen(+process.argv[1], '127.0.0.1', () => console.log('up'))`;
  const code = `
    . scripts/lib/common.sh; . scripts/lib/ports.sh
    start() {
      local port line
      port=$(free_port ${from})
      exec 3< <(exec node -e "${listener}" "$port" 2>/dev/null)
      read -r line <&3 && echo "$port $!"
    }
    with_ports start || true`;
  const child = promisify(execFile)('bash', ['-uo', 'pipefail', '-c', code], { env: { ...process.env, TMPDIR: tmp } });
  return child.then(({ stdout }) => stdout.trim());
}

describe('choosing a port', () => {
  it('takes the wanted one when nobody listens there', async () => {
    const port = await freePort();
    expect(await firstFree(port)).toBe(port);
  });

  it('takes a later one when somebody does', async () => {
    const port = await freePort();
    const server = await listen(port);
    expect(await firstFree(port)).toBeGreaterThan(port);
    server.close();
  });

  it('takes another one in each of the stacks that start together', async () => {
    const tmp = mkdtempSync(join(tmpdir(), 'batch-ports-'));
    const from = await freePort();
    const started = await Promise.all(Array.from({ length: 5 }, () => startStack(from, tmp)));
    const [ports, pids] = [0, 1].map((at) => started.map((line) => line.split(' ')[at]));
    for (const pid of pids ?? []) if (pid) process.kill(Number(pid));
    rmSync(tmp, { recursive: true });
    expect(new Set(ports).size).toBe(5);
    expect(ports).not.toContain('');
  });
});

import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
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
});

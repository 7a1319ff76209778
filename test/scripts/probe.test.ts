import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Whether the probe says within some seconds that the process, or anybody, answers at the port. */
async function answers(port: number, pid?: number): Promise<boolean> {
  const args = [
    'scripts/lib/probe.mjs',
    'http',
    `http://127.0.0.1:${port}/`,
    '2',
    ...(pid === undefined ? [] : [`${pid}`]),
  ];
  const [code] = await once(execFile(process.execPath, args), 'exit');
  return code === 0;
}

describe('waiting for a process to answer', () => {
  let server: Server;
  let port: number;
  let bystander: ChildProcess;

  beforeAll(async () => {
    server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    bystander = spawn('sleep', ['60']);
  });
  afterAll(() => {
    bystander.kill('SIGKILL');
    server.close();
  });

  it('is over when that very process does', async () => {
    expect(await answers(port, process.pid)).toBe(true);
  });

  it('does not take somebody else who answers at its port for it', async () => {
    expect(await answers(port, bystander.pid)).toBe(false);
  });

  it('takes anybody where no process is named', async () => {
    expect(await answers(port)).toBe(true);
  });
});

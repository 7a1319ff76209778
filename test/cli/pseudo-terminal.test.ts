import { execFile } from 'node:child_process';
import { promisify, stripVTControlCharacters } from 'node:util';
import { answer, jobPartial } from '../sdk/contract.js';
import { Bundle } from './support/bundle.js';
import { Service } from './support/service.js';

/** Runs its arguments on a terminal of 120 columns and ends with their exit status. */
const ON_A_TERMINAL = `
import fcntl, os, pty, struct, sys, termios
def read(fd):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return os.read(fd, 65536)
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))
`;

let bundle: Bundle;
let service: Service;
beforeAll(async () => {
  bundle = await Bundle.build();
  service = await Service.start();
});
afterAll(async () => {
  await service.close();
  await bundle.remove();
});

async function onTerminal(...args: string[]): Promise<{ code: number; text: string }> {
  const env = { PATH: process.env['PATH'], BATCH_API_URL: service.url, TERM: 'xterm' };
  const command = ['-c', ON_A_TERMINAL, process.execPath, bundle.path('bin/batch'), ...args];
  const { code, stdout } = await promisify(execFile)('python3', command, { env }).then(
    (result) => ({ code: 0, stdout: result.stdout }),
    (error: { code: number; stdout: string }) => error,
  );
  return { code, text: stripVTControlCharacters(stdout).replaceAll('\r\n', '\n') };
}

describe('on a pseudo-terminal, batch', () => {
  it('shows jobs as a table', async () => {
    service.routes = { 'GET /jobs': (response) => answer(response, 200, [jobPartial()]) };
    const { code, text } = await onTerminal('job', 'list');
    const job = jobPartial();
    expect(code).toBe(0);
    const [head, row] = text.trim().split('\n');
    expect(head).toMatch(/^JOB +MODEL +STATE +TOTAL +OK +ERRORS +PROGRESS +WAITING +PROCESSING$/);
    expect(row).toMatch(new RegExp(`^${job.job_id} +${job.model_id} +PARTIAL_SUCCESS +${job.totals.rows} `));
  });

  it('waits for a job and ends with the status of a partial success', async () => {
    service.routes = { 'GET /jobs/a1b2c3d4': (response) => answer(response, 200, jobPartial()) };
    const { code, text } = await onTerminal('job', 'wait', 'a1b2c3d4');
    expect(code).toBe(2);
    expect(text).toMatch(/PARTIAL_SUCCESS/);
  });

  it('gives JSON where it is asked for', async () => {
    service.routes = { 'GET /jobs': (response) => answer(response, 200, [jobPartial()]) };
    const { text } = await onTerminal('job', 'list', '--output', 'json');
    expect(JSON.parse(text)).toEqual([jobPartial()]);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from '../../src/cli/run.js';
import { answer, answerProblem, contract, jobFailed, jobPartial, jobPending, jobRunning } from '../sdk/contract.js';
import { Service } from './support/service.js';

/** A stream that says it is a terminal, and keeps what is written to it. */
class TerminalStream extends PassThrough {
  readonly isTTY = true;
  readonly columns = 120;
  written = '';

  constructor() {
    super();
    this.setEncoding('utf8').on('data', (text: string) => {
      this.written += text;
    });
  }

  /** Without colours and cursor movements; a line that is drawn again counts once, as it was last. */
  get text(): string {
    const escapes = new RegExp(`${'\x1b'}(\\[[0-9;?]*[A-Za-z]|[78])`, 'g');
    const drawnAgain = new RegExp(`[^\\n]*${'\x1b'}\\[1G`, 'g');
    return this.written.replace(drawnAgain, '').replace(escapes, '');
  }
}

let folder: string;
let service: Service;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batch-tty-'));
  await writeFile(join(folder, 'orders.csv'), 'id,qty\n1,3\n');
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  service = await Service.start();
});
afterEach(() => service.close());

async function onTerminal(command: string, env: Record<string, string> = { NO_COLOR: '1' }) {
  const [stdout, stderr] = [new TerminalStream(), new TerminalStream()];
  const code = await run({
    argv: command.replace('orders.csv', join(folder, 'orders.csv')).split(' '),
    env: { BATCH_API_URL: service.url, ...env },
    home: '/nonexistent',
    stdin: () => PassThrough.from([]),
    stdout,
    stderr,
    projectRoot: folder,
    version: '0.0.0',
    interrupt: new AbortController().signal,
  });
  return { code, stdout, stderr };
}

describe('on a terminal, batch', () => {
  it('shows the model that a job proposes', async () => {
    service.routes = {
      'POST /models/infer': (response) => answer(response, 200, contract.components.examples.InferredOrders.value),
      'POST /models': (response) => answer(response, 201, contract.components.examples.ModelOrders.value),
      'POST /jobs': (response) => answer(response, 202, jobPending()),
    };
    const { code, stdout, stderr } = await onTerminal('job create orders orders.csv --infer');
    expect(code).toBe(0);
    expect(stderr.text).toMatch(/^2 rows\n\nCOLUMN +TYPE .*\nid +Int32 .*\nqty +Int32 +yes, 1 /);
    expect(stderr.text).toContain(
      'Created the model; for another file: batch job create orders FILE --null-values-in qty=N/A',
    );
    expect(stdout.text).toContain('a1b2c3d4');
  });

  it('says how the file is written if it is not plain CSV, also for another file', async () => {
    const inferred = contract.components.examples.InferredOrders.value;
    const dialect = { ...inferred.dialect, delimiter: '\t', skip_lines: 1 };
    service.routes = {
      'POST /models/infer': (response) => answer(response, 200, { ...inferred, dialect }),
      'POST /models': (response) => answer(response, 201, contract.components.examples.ModelOrders.value),
      'POST /jobs': (response) => answer(response, 202, jobPending()),
    };
    const { code, stderr } = await onTerminal('job create orders orders.csv --infer');
    expect(code).toBe(0);
    expect(stderr.text).toContain('The file is not plain CSV: ');
    const flags = '--delimiter tab --skip-lines 1 --null-values-in qty=N/A';
    expect(stderr.text).toContain(`The job is told how to read the file: ${flags}`);
    expect(stderr.text).toContain(`batch job create orders FILE ${flags}`);
  });

  it('draws the upload and the processing on stderr, and the result as a table on stdout', async () => {
    const answers = [jobRunning(), jobPartial()];
    service.routes = {
      'POST /jobs': (response) => answer(response, 202, jobPending()),
      'GET /jobs/a1b2c3d4': (response) => answer(response, 200, answers.shift()),
    };
    const { code, stdout, stderr } = await onTerminal('job create orders orders.csv --wait');
    expect(code).toBe(2);
    expect(stderr.text).toMatch(/^Uploading {3}\[#{24}\] 100% {2}11 B of 11 B/);
    expect(stderr.text).toContain(
      '\nJob a1b2c3d4 accepted; if this command is interrupted, run: batch job wait a1b2c3d4\n',
    );
    expect(stderr.text).toContain('Processing  [#######################X] 100%  18000 rows, 20 rejected');
    expect(stderr.text).toContain('20 rows rejected. See why: batch job rejected a1b2c3d4');
    expect(stdout.text.split('\n').slice(0, 2)).toEqual([
      'JOB       MODEL   STATE            TOTAL     OK  ERRORS  PROGRESS         WAITING  PROCESSING',
      'a1b2c3d4  orders  PARTIAL_SUCCESS  18000  17980      20  [#######X] 100%    12 ms      862 ms',
    ]);
  });

  it('shows the cursor again, whatever happened', async () => {
    service.routes['POST /jobs'] = (response) => answerProblem(response, 'UNSUPPORTED_FILE_TYPE');
    const { code, stderr } = await onTerminal('job create orders orders.csv');
    expect(code).toBe(1);
    const shown = stderr.written.lastIndexOf('\x1b[?25h');
    expect(shown).toBeGreaterThan(stderr.written.lastIndexOf('\x1b[?25l'));
    expect(stderr.text).toMatch(/\nUNSUPPORTED_FILE_TYPE: .*\n.*supported\nhint: .*\n.*\.\n$/);
    // The words are wrapped for the terminal, which would break within them.
    expect(stderr.text.split('\n').filter((line) => line.length > stderr.columns)).toEqual([]);
  });

  it('says that it tries again, on a separate line', async () => {
    service.routes['POST /jobs'] = (response) => {
      if (service.seen.length === 1) answerProblem(response, 'KAFKA_UNAVAILABLE', { 'retry-after': '0' });
      else answer(response, 202, jobPending());
    };
    const { code, stderr } = await onTerminal('job create orders orders.csv');
    expect(code).toBe(0);
    expect(stderr.text).toMatch(
      /11 B of 11 B[^\n]*\nNo broker of 127\.0\.0\.1:9092 answers; trying again in 0\.5 s, for 60 s at most\nUploading [^\n]*\n\nNext: /,
    );
  });

  it('waits for a service that limits requests, and sends the upload again under its key', async () => {
    service.routes['POST /jobs'] = (response) => {
      if (service.seen.length === 1) answerProblem(response, 'RATE_LIMITED', { 'retry-after': '1' });
      else answer(response, 202, jobPending());
    };
    const { code, stderr } = await onTerminal('job create orders orders.csv');
    expect(code).toBe(0);
    expect(stderr.text).toContain('requests a minute (RATE_LIMIT); trying again in 1.0 s, for 60 s at most');
    const keys = service.seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it('draws a watched job in place', async () => {
    const answers = [jobPending(), jobRunning(), jobFailed()];
    service.routes['GET /jobs/a1b2c3d4'] = (response) => answer(response, 200, answers.shift());
    const { code, stdout } = await onTerminal('job status a1b2c3d4 --watch');
    expect(code).toBe(0);
    const screens = stdout.written.split('\x1b[0J');
    expect(screens.map((screen) => /PENDING|RUNNING|FAILED/.exec(screen)?.[0])).toEqual([
      'PENDING',
      'RUNNING',
      'FAILED',
    ]);
    // Two lines of table, an empty one, three facts.
    expect(screens[0]?.endsWith('\n\x1b[6A')).toBe(true);
  });

  it('has colours unless NO_COLOR says otherwise', async () => {
    service.routes['GET /jobs'] = (response) => answer(response, 200, [jobPartial()]);
    const coloured = await onTerminal('job list', {});
    expect(coloured.stdout.written).toContain('\x1b[33mPARTIAL_SUCCESS\x1b[39m');
    const plain = await onTerminal('job list');
    expect(plain.stdout.written).not.toContain('\x1b');
  });

  it('gives JSON where it is told to, and no advice with it', async () => {
    service.routes['POST /jobs'] = (response) => answer(response, 202, jobPending());
    const { stdout, stderr } = await onTerminal('job create orders orders.csv --output json');
    expect(JSON.parse(stdout.text)).toEqual(jobPending());
    expect(stderr.text).not.toContain('Next');
  });
});

import { answer, jobPartial } from '../sdk/contract.js';
import { Bundle } from './support/bundle.js';
import { onPseudoTerminal } from './support/pseudo-terminal.js';
import { Service } from './support/service.js';

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

function onTerminal(...args: string[]): Promise<{ code: number | null; text: string }> {
  return onPseudoTerminal([process.execPath, bundle.path('bin/batch'), ...args], { BATCH_API_URL: service.url });
}

describe('on a pseudo-terminal, batch', () => {
  it('shows jobs as a table', async () => {
    service.routes = { 'GET /jobs': (response) => answer(response, 200, [jobPartial()]) };
    const { code, text } = await onTerminal('job', 'list');
    const job = jobPartial();
    expect(code).toBe(0);
    const [head, row] = text.trim().split('\n');
    expect(head).toMatch(/^JOB +MODEL +STATE +TOTAL +OK +ERRORS +PROGRESS +PROCESSING +AGE +FILE$/);
    expect(row).toMatch(new RegExp(`^${job.job_id} +${job.model_id} +PARTIAL_SUCCESS +${job.totals.rows} `));
  });

  it('waits for a job and ends with the status of a partial success', async () => {
    service.routes = { 'GET /jobs/a1b2c3d4': (response) => answer(response, 200, jobPartial()) };
    const { code, text } = await onTerminal('job', 'wait', 'a1b2c3d4');
    expect(code).toBe(2);
    expect(text).toMatch(/PARTIAL_SUCCESS/);
  });

  it.each([
    ['y', 0, ['DELETE']],
    ['n', 64, []],
    ['', 64, []],
  ])('asks before it takes rows out of a sink, and takes the answer %j', async (typed, code, methods) => {
    service.seen.length = 0;
    service.routes = {
      'DELETE /jobs/a1b2c3d4/sinks/clickhouse/rows': (response) => answer(response, 202, jobPartial()),
    };
    const command = [process.execPath, bundle.path('bin/batch'), 'sink', 'remove', 'a1b2c3d4', 'clickhouse'];
    const run = await onPseudoTerminal(command, { BATCH_API_URL: service.url }, { typed: `${typed}\n` });
    expect(run.text).toContain('Take all rows of job a1b2c3d4 out of clickhouse? [y/N]');
    expect([run.code, service.seen.map(({ method }) => method)]).toEqual([code, methods]);
  });

  it('does not ask with --yes', async () => {
    service.routes = {
      'DELETE /jobs/a1b2c3d4/sinks/clickhouse/rows': (response) => answer(response, 202, jobPartial()),
    };
    const { code, text } = await onTerminal('sink', 'remove', 'a1b2c3d4', 'clickhouse', '--yes');
    expect([code, text]).toEqual([0, expect.not.stringContaining('[y/N]')]);
    expect(text).toContain('Load them again: batch sink add a1b2c3d4 clickhouse');
  });

  it('gives JSON where it is asked for', async () => {
    service.routes = { 'GET /jobs': (response) => answer(response, 200, [jobPartial()]) };
    const { text } = await onTerminal('job', 'list', '--output', 'json');
    expect(JSON.parse(text)).toEqual([jobPartial()]);
  });
});

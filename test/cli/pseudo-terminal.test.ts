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

  it('gives JSON where it is asked for', async () => {
    service.routes = { 'GET /jobs': (response) => answer(response, 200, [jobPartial()]) };
    const { text } = await onTerminal('job', 'list', '--output', 'json');
    expect(JSON.parse(text)).toEqual([jobPartial()]);
  });
});

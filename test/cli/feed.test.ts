import type { Feed, FeedFile } from 'batch-ingest-sdk';
import { feedDetails, feedFileTable } from '../../src/cli/render/feed-table.js';
import { plain } from '../../src/cli/render/style.js';
import { answer, answerProblem, contract } from '../sdk/contract.js';
import { Bundle } from './support/bundle.js';
import { Service } from './support/service.js';

const feed = structuredClone(contract.components.examples.FeedIn.value) as Feed;
const file: FeedFile = {
  file_id: 'A'.repeat(22),
  uri: 'file:///data/in/a.csv',
  version: '1-2',
  size_bytes: 10,
  modified_at: '2026-11-20T09:13:20.000Z',
  state: 'FAILED',
  attempt: 1,
  job_id: 'a1b2c3d4',
  error: { code: 'HEADER_MISMATCH', message: 'no column qty', hint: 'Correct it.' },
  after: null,
  after_message: null,
  found_at: '2026-11-20T09:13:20.000Z',
  updated_at: '2026-11-20T09:13:20.000Z',
  finished_at: '2026-11-20T09:13:20.000Z',
};

let bundle: Bundle;
let service: Service;
beforeAll(async () => {
  bundle = await Bundle.build();
});
afterAll(() => bundle.remove());
beforeEach(async () => {
  service = await Service.start();
});
afterEach(() => service.close());

function batch(command: string) {
  return bundle.run(command.split(' '), { env: { BATCH_API_URL: service.url } });
}

describe('batch feed', () => {
  it('create sends what it is told, with the options of jobs', async () => {
    service.routes['POST /feeds'] = (response) => answer(response, 201, feed, { location: '/feeds/orders' });
    const flags = '--every 5 --again never --after move --move-to file:///data/done/ --complete done --max-failures 3';
    const { code, stdout } = await batch(
      `feed create orders file:///data/in/ orders ${flags} --secret 0123456789abcdef --delimiter ; --metadata day=1`,
    );
    expect([code, JSON.parse(stdout)]).toEqual([0, feed]);
    expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({
      id: 'orders',
      source: { uri: 'file:///data/in/' },
      model_id: 'orders',
      options: { delimiter: ';' },
      metadata: { day: '1' },
      every: 5,
      again: 'never',
      after: 'move',
      move_to: 'file:///data/done/',
      complete: { marker: 'done' },
      max_failures: 3,
      secret: '0123456789abcdef',
    });
  });

  it('create leaves out what it is not told', async () => {
    service.routes['POST /feeds'] = (response) => answer(response, 201, feed);
    expect((await batch('feed create orders s3://bucket/ orders --complete 30')).code).toBe(0);
    expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({
      id: 'orders',
      source: { uri: 's3://bucket/' },
      model_id: 'orders',
      options: {},
      complete: { stable: 30 },
    });
    expect((await batch('feed create orders s3://bucket/ orders --complete soon')).code).toBe(64);
  });

  it('list, status and files show tables, and what is wrong', async () => {
    const error = {
      code: 'FEED_TOO_MANY_FAILURES',
      message: '10 files in a row have failed',
      hint: 'See why with `GET /feeds/orders/files?state=FAILED`, then `POST /feeds/orders/resume`.',
    } as const;
    const paused: Feed = { ...feed, state: 'PAUSED', error };
    service.routes['GET /feeds'] = (response) => answer(response, 200, [paused]);
    service.routes['GET /feeds/orders'] = (response) => answer(response, 200, paused);
    service.routes['GET /feeds/orders/files'] = (response) => answer(response, 200, [file]);
    expect((await batch('feed list --output table')).stdout).toMatch(/^FEED +STATE .*\norders +PAUSED .*FEED_TOO_MANY/);
    const { stdout } = await batch('feed status orders --output table');
    expect(stdout).toMatch(/PENDING +IN PROGRESS +COMPLETED +FAILED\n +0 +1 +41 +0\n/);
    expect(stdout).toContain('`batch feed files orders --state FAILED`, then `batch feed resume orders`');
    expect((await batch('feed files orders --state FAILED --output table')).stdout).toMatch(
      /^file:\/\/\/data\/in\/\nFILE .*\na\.csv +FAILED +a1b2c3d4 .*HEADER_MISMATCH +A{22}\n\na\.csv: HEADER_MISMATCH: no column qty\n$/,
    );
  });

  it('files are shown by their names below the folder that they share, shortened at the front', () => {
    const named = (uri: string, changes: Partial<FeedFile> = {}): FeedFile => ({
      ...file,
      uri,
      error: null,
      ...changes,
    });
    const files = [
      named('file:///data/in/a%20b.csv'),
      named('file:///data/in/x/a%20long%20name%20of%20a%20file%20of%20november.csv'),
      named('file:///data/in/kept.csv', { state: 'COMPLETED', after: 'KEPT', after_message: 'It is another version' }),
    ];
    const text = feedFileTable(files, plain, 60, Date.parse(file.found_at));
    const lines = text.split('\n');
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
    expect(lines[0]).toBe('file:///data/in/');
    expect(lines.slice(2, 5).map((line) => line.replace(/ {2,}.*/, ''))).toEqual([
      'a b.csv',
      expect.stringMatching(/^….*november\.csv$/),
      'kept.csv',
    ]);
    expect(text).toMatch(/\n\nkept\.csv: It is another version\n$/);
    expect(feedFileTable([named('s3://b/a%20b.csv')])).toMatch(/^s3:\/\/b\/\n.*\na%20b\.csv /);
    expect(feedFileTable([named('s3://b/x/a'), named('s3://c/x/a')])).toMatch(/^s3:\/\/\n/);
    expect(feedFileTable([])).toMatch(/^FILE .*ID\n$/);
    const failed = Array.from({ length: 12 }, (_, at) => named(`s3://b/${at}`, { error: file.error }));
    expect(feedFileTable(failed)).toMatch(/9: HEADER_MISMATCH: no column qty\n… and 2 more\n$/);
  });

  it('status shows what the feed was created with', () => {
    const text = feedDetails({
      ...feed,
      ...{ every: 5, again: 'never', complete: { stable: 30 }, move_to: 'file:///done/', metadata: { day: '1' } },
      ...{ after: 'move', after_partial: 'delete', options: { delimiter: ';' } },
    });
    expect(text.split('\n\n')[2]).toBe(
      [
        'every          5 s',
        'complete       unchanged for 30 s',
        'again          never',
        'after          move to file:///done/',
        'after partial  delete',
        'delimiter      ";"',
        'metadata day   1',
        '',
      ].join('\n'),
    );
  });

  it('pause, resume, retry and delete ask for it', async () => {
    for (const verb of ['pause', 'resume']) {
      service.routes[`POST /feeds/orders/${verb}`] = (response) => answer(response, 200, feed);
    }
    service.routes['GET /feeds/orders'] = (response) => answer(response, 200, { ...feed, state: 'ACTIVE' });
    service.routes['POST /feeds/orders/retry'] = (response) => answer(response, 202, { retried: 1 });
    service.routes['DELETE /feeds/orders'] = (response) => {
      response.writeHead(204).end();
    };
    for (const verb of ['pause', 'resume', 'delete']) expect((await batch(`feed ${verb} orders`)).code).toBe(0);
    expect((await batch('feed retry orders --output table')).stdout).toBe('1 file will be taken again\n');
    await batch(`feed retry orders ${file.file_id}`);
    const bodies = service.seen.filter(({ body }) => body !== '').map(({ body }) => JSON.parse(body) as unknown);
    expect(bodies.slice(-2)).toEqual([{}, { files: [file.file_id] }]);
    service.routes['GET /feeds/orders'] = (response) => answer(response, 200, { ...feed, state: 'PAUSED' });
    expect((await batch('feed retry orders --output table')).stdout).toContain('it is paused');
  });

  it('says which feeds there are if there is none of the id', async () => {
    service.routes['GET /feeds/none'] = (response) => answerProblem(response, 'FEED_NOT_FOUND');
    const { code, stderr } = await batch('feed status none --output table');
    expect([code, stderr]).toEqual([1, expect.stringContaining('`batch feed list`')]);
  });
});

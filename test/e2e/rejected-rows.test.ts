import { Api } from '../kit/api.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { type Service, startService } from '../kit/service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
let service: Service;
let api: Api;

beforeAll(async () => {
  service = await startService({ brokers });
  api = new Api(service.url);
  await api.createModel('orders', ORDERS_SCHEMA);
});

afterAll(() => service.stop());

interface Row {
  row_number: number;
  error: string;
}

describe('GET /jobs/{id}/rejected', () => {
  it('gives every rejected row once over the pages, and in one stream', async () => {
    const orders = makeOrders(1_000, 4);
    const { job_id } = await api.ended((await api.createJob('orders', orders.csv)).job_id);
    const numbers: number[] = [];
    let next: string | undefined = `/jobs/${job_id}/rejected?limit=99`;
    for (let pages = 0; next !== undefined && pages < 10; pages++) {
      const response: Response = await fetch(`${api.url}${next}`);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      numbers.push(...((await response.json()) as Row[]).map(({ row_number }) => row_number));
      next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
    }
    expect(numbers).toEqual(orders.rejected);

    const stream = await fetch(`${api.url}/jobs/${job_id}/rejected`, { headers: { accept: 'application/x-ndjson' } });
    expect(stream.headers.get('content-type')).toMatch(/^application\/x-ndjson/);
    const lines = (await stream.text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as Row).row_number)).toEqual(orders.rejected);
  });

  it('is empty where nothing was rejected, and names what is wrong with a request', async () => {
    const { job_id } = await api.ended((await api.createJob('orders', makeOrders(10).csv)).job_id);
    expect(await (await fetch(`${api.url}/jobs/${job_id}/rejected`)).json()).toEqual([]);
    const missing = await fetch(`${api.url}/jobs/nosuchid/rejected`);
    expect([missing.status, ((await missing.json()) as Row).error]).toEqual([404, 'JOB_NOT_FOUND']);
    const cursor = await fetch(`${api.url}/jobs/${job_id}/rejected?cursor=x`);
    expect([cursor.status, ((await cursor.json()) as Row).error]).toEqual([400, 'INVALID_REQUEST']);
  });

  it('says that the rows are gone when the topic is', async () => {
    const { job_id } = await api.ended((await api.createJob('orders', makeOrders(10, 2).csv)).job_id);
    const { Kafka, logLevel } = await import('kafkajs');
    const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [`batch_${job_id}_dlq`] });
    await admin.disconnect();
    const gone = await fetch(`${api.url}/jobs/${job_id}/rejected`);
    expect([gone.status, ((await gone.json()) as Row).error]).toEqual([410, 'REJECTED_EXPIRED']);
  });
});

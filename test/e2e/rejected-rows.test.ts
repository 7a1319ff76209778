import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from '../api/support/raw-client.js';
import { deleteTopics } from '../kit/delete-topics.js';
import { makeOrders, ORDERS_SCHEMA } from '../kit/orders.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;

const suite = useService({ models: { orders: ORDERS_SCHEMA }, env: { DOWNLOAD_IDLE_MS: '10000' } });
const { api } = suite;

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

  it('is empty if no row was rejected, and names what is wrong with a request', async () => {
    const { job_id } = await api.ended((await api.createJob('orders', makeOrders(10).csv)).job_id);
    expect(await (await fetch(`${api.url}/jobs/${job_id}/rejected`)).json()).toEqual([]);
    const missing = await fetch(`${api.url}/jobs/nosuchid/rejected`);
    expect([missing.status, ((await missing.json()) as Row).error]).toEqual([404, 'JOB_NOT_FOUND']);
    const cursor = await fetch(`${api.url}/jobs/${job_id}/rejected?cursor=x`);
    expect([cursor.status, ((await cursor.json()) as Row).error]).toEqual([400, 'INVALID_REQUEST']);
  });

  it('says that the rows are gone when the topic is', async () => {
    const { job_id } = await api.ended((await api.createJob('orders', makeOrders(10, 2).csv)).job_id);
    await deleteTopics(brokers, [`${suite.service.topicPrefix}_${job_id}_dlq`]);
    const gone = await fetch(`${api.url}/jobs/${job_id}/rejected`);
    expect([gone.status, ((await gone.json()) as Row).error]).toEqual([410, 'REJECTED_EXPIRED']);
    expect((await fetch(`${api.url}/jobs/${job_id}/rejected`, { method: 'HEAD' })).status).toBe(200);
  });

  it('says so, too, when retention has left a marker alone, and gives what it has left of the rows', async () => {
    const job = await api.ended((await api.createJob('orders', makeOrders(10, 2).csv)).job_id);
    const end = job.end_offsets?.dlq ?? 0;
    const { Kafka, logLevel } = await import('kafkajs');
    const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    // Only what has been asked for has a leader.
    await admin.fetchTopicOffsets(job.topics.dlq);
    const numbers = async (offset: number): Promise<number[] | string> => {
      await admin.deleteTopicRecords({
        topic: job.topics.dlq,
        partitions: [{ partition: 0, offset: String(offset) }],
      });
      const answer = await (await fetch(`${api.url}/jobs/${job.job_id}/rejected`)).json();
      return Array.isArray(answer) ? (answer as Row[]).map(({ row_number }) => row_number) : (answer as Row).error;
    };
    expect(await numbers(end - 1)).toEqual([10]);
    expect(await numbers(end)).toBe('REJECTED_EXPIRED');
    await admin.disconnect();
  });
});

describe('rejected rows that are large', () => {
  const ROWS = 200;
  let path = '';

  beforeAll(async () => {
    await api.createModel('wide', { id: 'String', qty: 'Int32' });
    const file = Buffer.from(`id,qty\n${`${'x'.repeat(60_000)},many\n`.repeat(ROWS)}ok,1\n`);
    path = `/jobs/${(await api.ended((await api.createJob('wide', file)).job_id)).job_id}/rejected`;
  });

  /** A client that asks for all rows and takes none. */
  async function idleReader(): Promise<RawClient> {
    const reader = await RawClient.connect(Number(new URL(suite.service.url).port));
    reader.socket.pause();
    await reader.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\n\r\n`);
    return reader;
  }

  async function until(isTrue: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 60_000; !(await isTrue()); await sleep(50)) {
      expect(Date.now()).toBeLessThan(deadline);
    }
  }

  /** How many connections the service has to the broker. */
  async function brokerConnections(): Promise<number> {
    const folder = `/proc/${suite.service.pid}/fd`;
    const links = await Promise.all((await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')));
    const port = Number(brokers.split(':').at(-1)).toString(16).toUpperCase().padStart(4, '0');
    const lines = (await readFile(`/proc/${suite.service.pid}/net/tcp`, 'utf8')).split('\n');
    const rows = lines.map((line) => line.trim().split(/\s+/));
    return rows.filter(
      ([, , remote, , , , , , , inode]) => remote?.endsWith(`:${port}`) && links.includes(`socket:[${inode}]`),
    ).length;
  }

  it('come in pages of at most 8 MiB, whatever the limit', async () => {
    const numbers: number[] = [];
    let pages = 0;
    let next: string | undefined = `${path}?limit=1000`;
    for (; next !== undefined && pages < 10; pages++) {
      const response: Response = await fetch(`${api.url}${next}`);
      const text = await response.text();
      expect(text.length).toBeLessThan(8.1 * 1024 ** 2);
      expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
      numbers.push(...(JSON.parse(text) as Row[]).map(({ row_number }) => row_number));
      next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
    }
    expect(pages).toBe(2);
    expect(numbers).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1));
  });

  it('are answered to HEAD without their topic', async () => {
    const { status, headers } = await fetch(`${api.url}${path}`, { method: 'HEAD' });
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect((await fetch(`${api.url}/jobs/nosuchid/rejected`, { method: 'HEAD' })).status).toBe(404);
  });

  it('hold no connection to the broker for a client that has gone', async () => {
    const before = await brokerConnections();
    const readers = await Promise.all(Array.from({ length: 8 }, idleReader));
    await until(async () => (await brokerConnections()) >= before + 8);
    for (const reader of readers) reader.destroy();
    await until(async () => (await brokerConnections()) <= before + 2);
  });

  it('are not given to more than 16 at a time, and readers that take nothing are let go', async () => {
    const readers = await Promise.all(Array.from({ length: 16 }, idleReader));
    try {
      await until(async () => {
        const busy = await fetch(`${api.url}${path}?limit=1`);
        if (busy.status !== 503) return false;
        expect([busy.headers.get('retry-after'), ((await busy.json()) as Row).error]).toEqual(['2', 'SERVICE_BUSY']);
        return true;
      });
      expect((await fetch(`${api.url}${path}`, { method: 'HEAD' })).status).toBe(200);
      await until(async () => (await fetch(`${api.url}${path}?limit=1`)).status === 200);
    } finally {
      for (const reader of readers) reader.destroy();
    }
  });
});

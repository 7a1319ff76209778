import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { BullmqNotifier } from '../../../src/jobs/queue/bullmq/bullmq-notifier.js';
import { loadBullmq } from '../../../src/jobs/queue/bullmq/redis.js';
import { describesJobNotifier } from '../../conformance/job-notifier.js';
import { freePort } from '../../kit/ports.js';
import { hasRedis, type RedisServer, startRedis } from '../../kit/redis.js';

const silent = pino({ level: 'silent' });
const [describeIfRedis, describesIfRedis] = hasRedis
  ? [describe, describesJobNotifier]
  : [
      describe.skip,
      (name: string) => describe.skip(`a job notifier: ${name}`, () => it('is not tested', () => undefined)),
    ];
let redis: RedisServer;
let prefixes = 0;

beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
  await loadBullmq();
}, 300_000);
afterAll(() => redis?.stop());

/** What is logged, line by line. */
function recordedLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { log: pino({ level: 'info' }, stream), lines };
}

async function until(holds: () => boolean, again: () => void = () => undefined): Promise<void> {
  for (const deadline = Date.now() + 60_000; !holds(); ) {
    expect(Date.now()).toBeLessThan(deadline);
    again();
    await sleep(50);
  }
}

describesIfRedis('in BullMQ', async () => {
  const topicPrefix = `conformance_${prefixes++}`;
  return {
    connect: async () => new BullmqNotifier({ url: redis.url, topicPrefix, log: silent }),
    dispose: async () => undefined,
  };
});

describeIfRedis('a notifier in BullMQ', () => {
  let topicPrefix: string;
  let own: BullmqNotifier;
  let other: BullmqNotifier;
  let heard: string[];
  let lines: string[];

  beforeEach(() => {
    topicPrefix = `batch_${prefixes++}`;
    const recorded = recordedLog();
    lines = recorded.lines;
    own = new BullmqNotifier({ url: redis.url, topicPrefix, log: silent });
    other = new BullmqNotifier({ url: redis.url, topicPrefix, log: recorded.log });
    heard = [];
    other.onWake((jobId) => heard.push(jobId));
  });
  afterEach(async () => {
    await Promise.all([own.close(), other.close()]);
  });

  const isHeard = (jobId: string): Promise<void> =>
    until(
      () => heard.includes(jobId),
      () => own.notify(jobId),
    );

  it('leaves nothing in the queue', async () => {
    for (let i = 0; i < 300; i++) own.notify(`job${i}`);
    await until(() => new Set(heard).size === 300);
    for (const list of ['wait', 'active', 'completed', 'failed']) {
      const key = `{${topicPrefix}}:batch-jobs:${list}`;
      for (const deadline = Date.now() + 30_000; (await redis.command('EXISTS', key)) === 1; await sleep(50))
        expect(Date.now()).toBeLessThan(deadline);
    }
    expect(await redis.command('KEYS', `{${topicPrefix}}:*:j-*`)).toEqual([]);
  });

  it('tells nothing to those of another prefix', async () => {
    const foreign = new BullmqNotifier({ url: redis.url, topicPrefix: `${topicPrefix}_eu`, log: silent });
    const foreignHeard: string[] = [];
    foreign.onWake((jobId) => foreignHeard.push(jobId));
    await until(
      () => foreignHeard.length > 0,
      () => foreign.notify('foreign0'),
    );
    await isHeard('first000');
    expect([...new Set(foreignHeard)]).toEqual(['foreign0']);
    expect(heard).not.toContain('foreign0');
    await foreign.close();
  });

  it('hears again after Redis was killed, and came back with its data, or empty', async () => {
    await isHeard('first000');
    for (const [jobId, keepsData] of [
      ['second00', true],
      ['third000', false],
    ] as const) {
      await redis.kill();
      await until(() => other.trouble() !== null);
      expect(other.trouble()).toMatch(/jobs begin up to 10 s later: Redis \(QUEUE_URL\): /);
      await redis.restart(keepsData);
      await isHeard(jobId);
      await until(() => other.trouble() === null);
    }
    expect(lines.filter((line) => line.includes('are not heard'))).toHaveLength(2);
    expect(lines.filter((line) => line.includes('heard through Redis again'))).toHaveLength(2);
  });

  it('sends what was told while Redis was away', async () => {
    await isHeard('first000');
    await redis.kill();
    await until(() => own.trouble() !== null && other.trouble() !== null);
    own.notify('later000');
    await redis.restart(true);
    await until(() => heard.includes('later000'));
  });

  it('goes on when Redis is emptied, and when its connections are cut', async () => {
    await isHeard('first000');
    await redis.command('FLUSHALL');
    await isHeard('second00');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await isHeard('third000');
    expect(other.trouble()).toBeNull();
  });

  it('says that Redis is away, and closes in bounded time, while it stands still', async () => {
    await isHeard('first000');
    await redis.kill('SIGSTOP');
    try {
      await until(() => own.trouble() !== null);
      const start = Date.now();
      own.notify('second00');
      other.notify('second00');
      await Promise.all([own.close(), other.close()]);
      expect(Date.now() - start).toBeLessThan(30_000);
    } finally {
      await redis.kill('SIGCONT');
    }
  });

  it('says little while Redis has no memory left, and hears again when it has', async () => {
    await isHeard('first000');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await until(() => other.trouble() !== null);
      expect(other.trouble()).toMatch(/OOM|memory/);
      await sleep(2_000);
      expect(lines.length).toBeLessThan(5);
    } finally {
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    }
    await isHeard('second00');
    await until(() => other.trouble() === null);
  });

  it('says so if Redis may drop what it holds', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      const { log, lines: warned } = recordedLog();
      const late = new BullmqNotifier({ url: redis.url, topicPrefix, log });
      await until(() => late.trouble() !== null);
      expect(late.trouble()).toBe(
        'Redis (QUEUE_URL) may drop notifications if its memory is full: set its maxmemory-policy to noeviction, it is allkeys-lru',
      );
      expect(warned).toEqual([expect.stringContaining('maxmemory-policy')]);
      await late.close();
    } finally {
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    }
  });

  it('needs no permission but those of the queue', async () => {
    await redis.command('ACL', 'SETUSER', 'queue', 'on', '>its-own', '~*', '+@all', '-info', '-config');
    const url = `redis://queue:its-own@127.0.0.1:${redis.port}`;
    const limited = new BullmqNotifier({ url, topicPrefix, log: silent });
    limited.onWake((jobId) => heard.push(`limited ${jobId}`));
    await until(
      () => heard.includes('limited first000'),
      () => own.notify('first000'),
    );
    expect(limited.trouble()).toBeNull();
    await limited.close();
  });

  it('never says the password', async () => {
    const secret = 'no-one-knows-this';
    await redis.command('ACL', 'SETUSER', 'batch', 'on', '>another-one', '~*', '&*', '+@all');
    const { log, lines: logged } = recordedLog();
    const url = `redis://batch:${secret}@127.0.0.1:${redis.port}`;
    const refused = new BullmqNotifier({ url, topicPrefix, log });
    await until(() => refused.trouble() !== null && logged.length > 0);
    expect(refused.trouble()).toContain('WRONGPASS');
    expect([...logged, refused.trouble()].join()).not.toContain(secret);
    await refused.close();
  });
});

describe('a notifier in BullMQ whose Redis was never there', () => {
  it('wakes its own process, says so, and closes at once', async () => {
    const { log, lines } = recordedLog();
    const notifier = new BullmqNotifier({ url: `redis://127.0.0.1:${await freePort()}`, topicPrefix: 'batch', log });
    const heard: string[] = [];
    notifier.onWake((jobId) => heard.push(jobId));
    for (let i = 0; i < 3_000; i++) notifier.notify(`job${i}`);
    await until(() => heard.length === 3_000 && notifier.trouble() !== null);
    expect(notifier.trouble()).toContain('ECONNREFUSED');
    await sleep(1_000); // it tries again
    expect(lines).toHaveLength(1);
    await notifier.close();
  });
});

import { randomBytes } from 'node:crypto';
import { type Sink, type SinkJob, SinkOvertaken } from '../../src/sinks/sink.js';
import { blockOf, jobOf, rejectedBlockOf } from '../sinks/sample.js';

export interface SinkUnderTest {
  sink: Sink;
  /** The numbers of the rows of a job that are there, in their order. */
  rowsOf(job: SinkJob): Promise<number[]>;
  /** How many errors of rejected rows of a job are there. */
  errorsOf(job: SinkJob): Promise<number>;
}

const rows = (from: number, count: number): object[] =>
  Array.from({ length: count }, (_, index) => ({ id: from + index, amount: 1.5, note: `row ${from + index}` }));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** What every sink has to do, whatever is behind it (`Sink`, `SinkSession`). */
export function describeSink(name: string, given: () => SinkUnderTest): void {
  describe(`a sink in ${name}`, () => {
    const newJob = (changes: Partial<SinkJob> = {}): SinkJob =>
      jobOf(randomBytes(4).toString('hex'), { modelId: `m_${randomBytes(4).toString('hex')}`, ...changes });

    it('begins at the beginning, and goes on behind the last block', async () => {
      const { sink, rowsOf } = given();
      const job = newJob();
      const first = await sink.open(job);
      expect(first.position.data).toMatchObject({ next: 0, rows: 0, rejected: 0, lastRow: 0 });
      expect(await first.writeRows(blockOf(rows(0, 10)))).toEqual({ rows: 10, rejects: [] });
      await first.close();
      const second = await sink.open(job);
      expect(second.position.data).toMatchObject({ next: 10, rows: 10, rejected: 0, lastRow: 10 });
      await second.writeRows(blockOf(rows(10, 5), 10));
      await second.close();
      expect(await rowsOf(job)).toEqual(numbers(15));
    });

    it('writes a block once, however often and by whomever it is written', async () => {
      const { sink, rowsOf } = given();
      const job = newJob();
      const [one, other] = [await sink.open(job), await sink.open(job)];
      const block = blockOf(rows(0, 100));
      await one.writeRows(block);
      await one.writeRows(block);
      await other.writeRows(block).catch((error: unknown) => {
        if (!(error instanceof SinkOvertaken)) throw error;
      });
      expect(await rowsOf(job)).toEqual(numbers(100));
    });

    it('writes a block that was made ready while the one before was written', async () => {
      const { sink, rowsOf } = given();
      const job = newJob();
      const session = await sink.open(job);
      const [first, second, third] = [blockOf(rows(0, 10)), blockOf(rows(10, 10), 10), blockOf(rows(20, 10), 20)];
      const writing = session.writeRows(first);
      await session.prepare(second);
      await writing;
      await session.writeRows(second);
      // What was made ready last may be another block than the one that is written.
      await session.prepare(second);
      expect(await session.writeRows(third)).toEqual({ rows: 10, rejects: [] });
      expect(await rowsOf(job)).toEqual(numbers(30));
    });

    it('writes a block once if two sessions write it at the same time', async () => {
      const { sink, rowsOf } = given();
      const job = newJob();
      const sessions = [await sink.open(job), await sink.open(job), await sink.open(job)];
      const results = await Promise.allSettled(sessions.map((session) => session.writeRows(blockOf(rows(0, 1000)))));
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(SinkOvertaken);
      }
      expect(await rowsOf(job)).toEqual(numbers(1000));
    });

    it('stores one row for each error of a rejected row, once', async () => {
      const { sink, errorsOf } = given();
      const job = newJob();
      const session = await sink.open(job);
      const block = rejectedBlockOf(job.jobId, 7);
      await session.writeRejected(block);
      await session.writeRejected(block).catch((error: unknown) => {
        if (!(error instanceof SinkOvertaken)) throw error;
      });
      expect(await errorsOf(job)).toBe(14);
      expect((await sink.open(job)).position.dlq.next).toBe(7);
    });

    it('keeps the jobs of a model apart', async () => {
      const { sink, rowsOf } = given();
      const [one, other] = [newJob({ modelId: 'shared' }), newJob({ modelId: 'shared' })];
      const [first, second] = await Promise.all([sink.open(one), sink.open(other)]);
      await Promise.all([first.writeRows(blockOf(rows(0, 20))), second.writeRows(blockOf(rows(100, 30)))]);
      await sink.remove(one);
      expect(await rowsOf(one)).toEqual([]);
      expect(await rowsOf(other)).toEqual(numbers(30));
    });

    it('takes the rows of a job out, and loads them again', async () => {
      const { sink, rowsOf, errorsOf } = given();
      const job = newJob();
      const session = await sink.open(job);
      await session.writeRows(blockOf(rows(0, 50)));
      await session.writeRejected(rejectedBlockOf(job.jobId, 3));
      await sink.remove(job);
      await sink.remove(job); // one that was interrupted is repeated
      expect([await rowsOf(job), await errorsOf(job)]).toEqual([[], 0]);
      const again = { ...job, load: 2 };
      const next = await sink.open(again);
      expect(next.position.data.next).toBe(0);
      await next.writeRows(blockOf(rows(0, 50)));
      await next.writeRejected(rejectedBlockOf(job.jobId, 3));
      expect([await rowsOf(again), await errorsOf(again)]).toEqual([numbers(50), 6]);
    });

    it('takes nothing more of a load whose rows were taken out', async () => {
      const { sink, rowsOf } = given();
      const job = newJob();
      const late = await sink.open(job);
      await late.writeRows(blockOf(rows(0, 10)));
      await sink.remove(job);
      await late.writeRows(blockOf(rows(10, 10), 10)).catch(() => undefined);
      const again = { ...job, load: 2 };
      const session = await sink.open(again);
      await session.writeRows(blockOf(rows(0, 10)));
      await session.writeRows(blockOf(rows(10, 10), 10));
      expect(await rowsOf(again)).toEqual(numbers(20));
    });
  });
}

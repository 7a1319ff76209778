import { randomBytes } from 'node:crypto';
import { BrokenRecords } from '../../src/delivery/broken-records.js';
import { RecordBatchPool } from '../../src/delivery/record-batch-pool.js';
import { RecordBatchWriter } from '../../src/delivery/record-batch-writer.js';
import { MAX_WINDOW_BYTES, SendWindow } from '../../src/delivery/send-window.js';
import { type Compression, registerCodecs } from '../../src/kafka/compression.js';
import { MAX_BATCH_BYTES, RecordBatch, type SealableBatch } from '../../src/kafka/record-batch.js';
import { decodeBatch } from '../kafka/decode-batch.js';

const KIB = 1024;
const STAMP = { producerId: 7n, producerEpoch: 3, baseSequence: 41, timestamp: 1, transactional: true };

/** Stands for the broker: answers when it is told to. */
class ManualSession {
  readonly topics = { data: 'data', dlq: 'dlq' };
  readonly transactionTimeoutMs = 30_000;
  readonly calls: string[] = [];
  readonly inFlight: { topic: string; batch: SealableBatch; bytes: Buffer; answer: PromiseWithResolvers<number> }[] =
    [];

  async enlist(topic: string): Promise<void> {
    this.calls.push(`enlist ${topic}`);
  }

  produce(topic: string, batch: SealableBatch): Promise<number> {
    this.calls.push(`produce ${topic} ${batch.count}`);
    const answer = Promise.withResolvers<number>();
    this.inFlight.push({ topic, batch, bytes: Buffer.from(batch.seal(STAMP)), answer });
    return answer.promise;
  }

  /** The oldest batch, or one behind it, is acknowledged; its bytes must be as they were when it was sent. */
  acknowledge(end: number, index = 0): void {
    const [sent] = this.inFlight.splice(index, 1);
    expect(sent?.bytes.equals(sent.batch.seal(STAMP))).toBe(true);
    sent?.answer.resolve(end);
  }
}

/** One that has seen many quick answers. */
function openWindow(): SendWindow {
  const window = new SendWindow();
  window.acknowledged({ bytes: MAX_WINDOW_BYTES, sentAt: 0, timeoutMs: 30_000 }, 1);
  return window;
}

function writerOver(
  batches: number,
  bytes = 8 * KIB,
  compression: Compression = 'none',
  window = openWindow(),
  broken = new BrokenRecords({}, false),
): { writer: RecordBatchWriter; session: ManualSession; pool: RecordBatchPool } {
  const session = new ManualSession();
  const pool = new RecordBatchPool(Array.from({ length: batches }, () => Buffer.alloc(bytes)));
  const hooks = { sent: () => undefined, rejected: () => undefined };
  const writer = new RecordBatchWriter(
    session,
    'a1b2c3d4',
    null,
    { size: 1_000 },
    hooks,
    pool,
    compression,
    window,
    broken,
  );
  return { writer, session, pool };
}

const row = Buffer.alloc(KIB, 'x');
const START = { position: { row: 0, line: 0, byte: 0 }, bytesDone: 0 };

function reconciled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the writer of batches', () => {
  it('sends each batch when it is full, in order, behind the enlisting of its topic', async () => {
    const { writer, session } = writerOver(5);
    for (let i = 0; i < 16; i++) writer.accept(row, 0, row.length);
    await reconciled();
    expect(session.calls).toEqual(['enlist data', 'produce data 7', 'enlist data', 'produce data 7']);
  });

  it('has no room, and opens no batch, while too few are free', async () => {
    const { writer, session } = writerOver(3);
    expect([writer.hasRoom, writer.isInFlight]).toEqual([true, false]);
    for (let i = 0; i < 2; i++) {
      const batch = writer.batches.open();
      batch?.extend(1_000, 5);
      writer.batches.close();
    }
    await reconciled();
    expect([writer.hasRoom, writer.isInFlight]).toEqual([false, true]);
    expect(writer.batches.open()).not.toBeNull();
    expect(writer.rejections.open()).toBeNull();
    let hasRoom = false;
    const waiting = writer.room().then(() => {
      hasRoom = true;
    });
    session.acknowledge(1);
    await reconciled();
    expect(hasRoom).toBe(false);
    session.acknowledge(2);
    await waiting;
    expect(writer.hasRoom).toBe(true);
  });

  it('never hands out a batch that is not acknowledged', async () => {
    const { writer, session } = writerOver(4);
    const seen = new Set<object>();
    for (let i = 0; i < 40; i++) {
      await reconciled();
      const batch = writer.batches.open();
      if (batch === null) {
        session.acknowledge(i);
        continue;
      }
      expect(session.inFlight.map((each): object => each.batch)).not.toContain(batch);
      expect([batch.count, batch.size]).toEqual([0, 61]);
      seen.add(batch);
      batch.buffer.fill(i, batch.size, 100);
      batch.extend(100, 1);
      writer.batches.close();
    }
    expect(seen.size).toBe(4);
  });

  it('goes on beyond its batches for a reader that does not ask, and gives the memory back', async () => {
    const { writer, session, pool } = writerOver(2);
    for (let i = 0; i < 100; i++) writer.accept(row, 0, row.length);
    const drained = writer.drain(START);
    await reconciled();
    expect(session.inFlight.map(({ batch }) => batch.count)).toEqual([7, 7, 86]);
    while (session.inFlight.length > 0) session.acknowledge(1);
    expect((await drained).ok).toBe(100);
    expect(pool.free).toBe(2);
  });

  it('counts what it sent, and says so when all is acknowledged', async () => {
    const { writer, session } = writerOver(6);
    for (let i = 0; i < 9; i++) writer.accept(row, 0, row.length);
    writer.reject({
      rowNumber: 10,
      line: 11,
      byteOffset: 99,
      errors: [{ column: null, type: null, error: 'RAGGED_ROW', observed: null, message: 'm' }],
      errorsTruncated: false,
      raw: Buffer.from('x'),
      rawTruncated: false,
    });
    const batch = writer.rejections.open();
    batch?.extend(1_000, batch.count + 1);
    writer.rejections.written('NULL_VALUE', 1, () => []);
    writer.endOfFile();
    const drained = writer.drain({ position: { row: 12, line: 13, byte: 500 }, bytesDone: 400 });
    await reconciled();
    expect(session.inFlight.map((each) => each.topic).sort()).toEqual(['data', 'data', 'dlq']);
    const ends = { data: [7, 9], dlq: [2] };
    for (const { topic } of [...session.inFlight]) session.acknowledge(ends[topic as 'data' | 'dlq'].shift() ?? 0);
    expect(await drained).toEqual({
      position: { row: 12, line: 13, byte: 500 },
      ok: 9,
      errors: 2,
      dataEnd: 9,
      dlqEnd: 2,
      eof: true,
      bytesDone: 400,
      size: 1_000,
    });
    expect(writer.takeRejectedByCode()).toEqual({ RAGGED_ROW: 1, NULL_VALUE: 1 });
    expect(writer.takeRejectedByCode()).toEqual({});
  });

  it('counts broken records after those of the checkpoint, for the next one', async () => {
    const broken = new BrokenRecords({ BROKEN_QUOTES: { count: 7, firstRows: [1, 3, 5, 7] } }, false);
    const { writer } = writerOver(6, 8 * KIB, 'none', openWindow(), broken);
    const asked: number[] = [];
    writer.rejections.written('STRAY_QUOTE', 3, (most) => {
      asked.push(most);
      return [{ rowNumber: 9, line: 10 }];
    });
    writer.rejections.written('RAGGED_ROW', 5, () => []);
    writer.rejections.written('STRAY_QUOTE', 2, () => {
      throw new Error('they are not needed');
    });
    const { warnings } = await writer.drain(START);
    expect(warnings).toEqual({ BROKEN_QUOTES: { count: 12, firstRows: [1, 3, 5, 7, 9] } });
    expect(asked).toEqual([1]);
  });

  it('ends with the first broken record if it shall stop there, and commits nothing more', async () => {
    const { writer } = writerOver(6, 8 * KIB, 'none', openWindow(), new BrokenRecords({}, true));
    const refused = expect.objectContaining({
      code: 'BROKEN_RECORD',
      message: expect.stringContaining('row 3 (line 5)'),
    });
    writer.rejections.written('RAGGED_ROW', 5, () => []);
    expect(() => writer.rejections.written('STRAY_QUOTE', 2, () => [{ rowNumber: 3, line: 5 }])).toThrow(refused);
    await expect(writer.drain(START)).rejects.toEqual(refused);
    await expect(writer.room()).rejects.toEqual(refused);
  });

  it('holds back between two transactions what is filled, and has it in neither the wait nor the checkpoint', async () => {
    const { writer, session, pool } = writerOver(8);
    for (let i = 0; i < 8; i++) writer.accept(row, 0, row.length);
    const reader = { position: { row: 8, line: 9, byte: 80 }, bytesDone: 80 };
    const drained = writer.drain(reader);
    reader.position = { row: 24, line: 25, byte: 240 };
    for (let i = 0; i < 16; i++) writer.accept(row, 0, row.length);
    writer.rejections.written('NULL_VALUE', 3, () => []);
    writer.rejections.written('STRAY_QUOTE', 1, () => [{ rowNumber: 23, line: 24 }]);
    writer.endOfFile();
    await reconciled();
    expect(session.inFlight.map(({ batch }) => batch.count)).toEqual([7, 1]);
    session.acknowledge(7);
    session.acknowledge(8);
    const cut = { row: 8, line: 9, byte: 80 };
    expect(await drained).toMatchObject({ position: cut, ok: 8, errors: 0, dataEnd: 8, eof: false, bytesDone: 80 });
    expect(await drained).not.toHaveProperty('warnings');
    expect([session.inFlight.length, writer.isInFlight, pool.free]).toEqual([0, false, 5]);
    writer.sendOn();
    await reconciled();
    expect(session.inFlight.map(({ batch }) => batch.count)).toEqual([7, 7]);
    const rest = writer.drain(reader);
    await reconciled();
    for (const end of [16, 23, 25]) session.acknowledge(end);
    expect(await rest).toMatchObject({ position: reader.position, ok: 24, errors: 4, dataEnd: 25, eof: true });
    expect((await rest).warnings).toEqual({ BROKEN_QUOTES: { count: 1, firstRows: [23] } });
  });

  it('has no room while it holds back all that may be on its way', async () => {
    const { writer } = writerOver(20, 1024 * KIB);
    void writer.drain(START);
    let filled = 0;
    for (; writer.hasRoom; filled++) {
      writer.batches.open()?.extend(1_000_000, 1);
      writer.batches.close();
    }
    expect(filled).toBe(16);
    writer.close();
    await expect(writer.room()).rejects.toThrow('closed');
  });

  it('has room for as much as the window lets through, which acknowledgements open', async () => {
    const window = new SendWindow();
    const { writer, session } = writerOver(20, 1024 * KIB, 'none', window);
    const fill = async (): Promise<number> => {
      for (; writer.hasRoom; await reconciled()) {
        writer.batches.open()?.extend(1_000_000, 1);
        writer.batches.close();
      }
      return session.inFlight.length;
    };
    expect(await fill()).toBe(1);
    session.acknowledge(1);
    await reconciled();
    expect(await fill()).toBe(2);
    window.halve(performance.now());
    session.acknowledge(2);
    await reconciled();
    expect(await fill()).toBe(2);
  });

  it('has got as far in the file as everything is acknowledged', async () => {
    const { writer, session } = writerOver(6);
    expect(writer.bytesAcknowledged).toBe(0);
    const accept = (rows: number, bytesDone: number): void => {
      for (let i = 0; i < rows; i++) writer.accept(row, 0, row.length);
      writer.readTo(bytesDone);
    };
    writer.readTo(20);
    expect(writer.bytesAcknowledged).toBe(20);
    accept(5, 100);
    accept(5, 200);
    accept(6, 300);
    writer.rejections.open()?.extend(1_000, 1);
    accept(6, 400);
    const drained = writer.drain({ position: { row: 22, line: 23, byte: 450 }, bytesDone: 450 });
    await reconciled();
    expect(session.inFlight.map(({ topic }) => topic)).toEqual(['data', 'dlq', 'data', 'data', 'data']);
    const seen: number[] = [];
    for (const index of [0, 1, 1, 1, 0]) {
      session.acknowledge(1, index);
      await reconciled();
      seen.push(writer.bytesAcknowledged);
    }
    expect(seen).toEqual([100, 200, 300, 300, 450]);
    expect(writer.bytesAcknowledged).toBe((await drained).bytesDone);
    accept(1, 500);
    expect(writer.bytesAcknowledged).toBe(450);
  });

  it('has got no further than the first row of a batch that is not sent, and an empty one holds nothing back', () => {
    const { writer } = writerOver(6);
    const batch = writer.rejections.open();
    writer.readTo(20);
    expect(writer.bytesAcknowledged).toBe(20);
    expect(writer.rejections.open()).toBe(batch);
    batch?.extend(1_000, 1);
    writer.readTo(40);
    writer.rejections.open();
    expect(writer.bytesAcknowledged).toBe(20);
  });

  it('fails whoever waits when a send fails, and keeps that memory', async () => {
    const { writer, session, pool } = writerOver(3);
    writer.accept(row, 0, row.length);
    const drained = writer.drain(START);
    await reconciled();
    session.inFlight[0]?.answer.reject(new Error('the broker is away'));
    await expect(drained).rejects.toThrow('the broker is away');
    await expect(writer.room()).rejects.toThrow('the broker is away');
    expect([writer.isInFlight, pool.free]).toEqual([true, 2]);
  });

  it('compresses batches beside one another, sends them in order, and keeps their memory until they are acknowledged', async () => {
    const { writer, session, pool } = writerOver(18, MAX_BATCH_BYTES, 'zstd');
    const sizes: number[] = [];
    for (let count = 1; count <= 12; count++) {
      // Every other batch takes the compressor long, and does not get smaller.
      const value = count % 2 === 1 ? randomBytes(900 * KIB) : Buffer.alloc(KIB * count, 'x');
      writer.accept(value, 0, value.length);
      writer.batches.close();
      sizes.push(value.length);
    }
    const drained = writer.drain(START);
    while (session.inFlight.length < 12) await reconciled();
    expect(session.calls.filter((call) => call.startsWith('produce'))).toEqual(Array(12).fill('produce data 1'));
    expect(session.inFlight.map(({ batch }) => batch instanceof RecordBatch)).toEqual(
      sizes.map((_, index) => index % 2 === 0),
    );
    registerCodecs();
    const decoded = await Promise.all(session.inFlight.map(({ bytes }) => decodeBatch(bytes)));
    expect(decoded.map(({ records }) => records.map(({ value }) => value.length))).toEqual(sizes.map((size) => [size]));
    expect([pool.free, writer.isInFlight]).toEqual([6, true]);
    while (session.inFlight.length > 0) session.acknowledge(1);
    expect(await drained).toMatchObject({ ok: 12 });
    expect([pool.free, writer.isInFlight]).toEqual([18, false]);
  });

  it('keeps the frame of rejections until the clock moves on', async () => {
    const { writer } = writerOver(3);
    const { frame } = writer.rejections;
    expect(frame[0]).toBe('{"job_id":"a1b2c3d4","row_number":');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(writer.rejections.frame).not.toBe(frame);
    expect(frame).toHaveLength(6);
  });
});

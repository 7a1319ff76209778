import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlockResult, DataBlock } from '../../src/sinks/sink.js';
import { writeBlocks } from '../../src/sinks/write-blocks.js';
import { blockOf } from './sample.js';

const BLOCKS = [0, 1, 2].map((from) => blockOf([{ id: from }], from));
const RESULT: BlockResult = { rows: 1, rejects: [] };

describe('blocks that are written one after the other', () => {
  let log: string[];
  let gates: Map<string, PromiseWithResolvers<void>>;
  let leave: AbortController;

  beforeEach(() => {
    log = [];
    gates = new Map();
    leave = new AbortController();
  });

  /** Resolves, or rejects, when the test says so. */
  function gate(name: string): PromiseWithResolvers<void> {
    const found = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, found);
    return found;
  }
  async function* read(): AsyncGenerator<DataBlock, void> {
    for (const block of BLOCKS) {
      await gate(`read ${block.from}`).promise;
      log.push(`read ${block.from}`);
      yield block;
    }
  }
  const session = {
    async prepare({ from }: DataBlock) {
      log.push(`prepare ${from}`);
    },
    async writeRows({ from }: DataBlock, onSent?: () => void) {
      log.push(`write ${from}`);
      gate(`sent ${from}`).promise.then(onSent, () => undefined);
      await gate(`written ${from}`).promise;
      return RESULT;
    },
  };
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  };

  it('are read ahead by one, which is made ready once the one before is sent', async () => {
    for (const from of [0, 1, 2]) gate(`read ${from}`).resolve();
    const written = writeBlocks(read(), session, leave.signal);
    const first = written.next();
    await quiet();
    expect(log).toEqual(['read 0', 'write 0', 'read 1']);
    gate('sent 0').resolve();
    await quiet();
    expect(log.slice(3)).toEqual(['prepare 1']);
    gate('written 0').resolve();
    expect(await first).toEqual({ done: false, value: RESULT });
    const second = written.next();
    await quiet();
    expect(log.slice(4)).toEqual(['write 1', 'read 2']);
    // A sink may say nothing until all is written.
    gate('written 1').resolve();
    await second;
    const third = written.next();
    await quiet();
    expect(log.slice(6)).toEqual(['prepare 2', 'write 2']);
    gate('written 2').resolve();
    await third;
    expect(await written.next()).toEqual({ done: true, value: undefined });
  });

  it('end with what writing throws, though the next one is still being read', async () => {
    const unhandled: unknown[] = [];
    const take = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', take);
    try {
      gate('read 0').resolve();
      const first = writeBlocks(read(), session, leave.signal).next();
      await quiet();
      gate('written 0').reject(new Error('away'));
      await expect(first).rejects.toThrow('away');
      await quiet();
      gate('read 1').resolve();
      await quiet();
      expect(log).toEqual(['read 0', 'write 0', 'read 1']);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', take);
    }
  });

  it('are left as soon as that is asked for, also while the first one is being read', async () => {
    const written = writeBlocks(read(), session, leave.signal);
    const first = written.next();
    leave.abort();
    gate('read 0').resolve();
    expect(await first).toEqual({ done: true, value: undefined });
    expect(log).toEqual(['read 0']);
  });

  it('are written as far as they can be read', async () => {
    gate('read 0').resolve();
    gate('read 1').promise.catch(() => undefined);
    const written = writeBlocks(read(), session, leave.signal);
    const first = written.next();
    await quiet();
    gate('read 1').reject(new Error('no broker'));
    await quiet();
    gate('written 0').resolve();
    expect(await first).toEqual({ done: false, value: RESULT });
    await expect(written.next()).rejects.toThrow('no broker');
    expect(log).toEqual(['read 0', 'write 0']);
  });
});

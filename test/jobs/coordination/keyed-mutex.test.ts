import { KeyedMutex } from '../../../src/jobs/coordination/keyed-mutex.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('tasks under one key', () => {
  it('run one after the other, in the order of the calls; other keys do not wait', async () => {
    const serial = new KeyedMutex();
    const log: string[] = [];
    const task = (name: string, turns: number) => async () => {
      log.push(`${name} begins`);
      for (let i = 0; i < turns; i++) await turn();
      log.push(`${name} ends`);
    };
    await Promise.all([serial.run('a', task('a1', 3)), serial.run('a', task('a2', 0)), serial.run('b', task('b', 1))]);
    expect(log).toEqual(['a1 begins', 'b begins', 'b ends', 'a1 ends', 'a2 begins', 'a2 ends']);
  });

  it('go on after one that failed, which only its caller hears of', async () => {
    const serial = new KeyedMutex();
    const failing = serial.run('a', async () => {
      throw new Error('no');
    });
    const next = serial.run('a', async () => 'yes');
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });

  it('are waited for, those that come meanwhile too', async () => {
    const serial = new KeyedMutex();
    let done = 0;
    void serial.run('a', async () => {
      await turn();
      done++;
      void serial.run('b', async () => {
        await turn();
        done++;
      });
    });
    await serial.idle();
    expect(done).toBe(2);
  });
});

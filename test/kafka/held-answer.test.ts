import { CachedAnswer } from '../../src/kafka/cached-answer.js';

/** What `asked` answers, in order; then it hangs. */
function answers(holdMs: number, ...given: (Error | null)[]): { held: CachedAnswer; asked: () => number } {
  let asked = 0;
  const held = new CachedAnswer(async () => {
    const answer = given[asked++];
    if (answer === undefined) return new Promise(() => undefined);
    if (answer !== null) throw answer;
  }, holdMs);
  return { held, asked: () => asked };
}

describe('an answer that is held', () => {
  it('is asked for once by all who want it meanwhile', async () => {
    const { held, asked } = answers(0, null);
    await Promise.all([held.get(), held.get()]);
    expect(asked()).toBe(1);
  });

  it('counts for its time if it is good', async () => {
    const { held, asked } = answers(Number.POSITIVE_INFINITY, null);
    await held.get();
    await held.get();
    expect(asked()).toBe(1);
  });

  it('is asked for again if it is a refusal', async () => {
    const { held, asked } = answers(Number.POSITIVE_INFINITY, new Error('no'), null);
    await expect(held.get()).rejects.toThrow('no');
    await held.get();
    expect(asked()).toBe(2);
  });
});

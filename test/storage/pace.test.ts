import { Pace } from '../../src/storage/pace.js';

describe('the pace of a body', () => {
  it('is enough while each span of time brings what it must, however unevenly', () => {
    const pace = new Pace({ bytes: 100, ms: 1_000 });
    for (const [bytes, ms] of [
      [99, 0],
      [1, 1_000],
      [1, 900],
      [0, 99],
      [99, 1],
      [100, 5_000],
    ] as const)
      pace.add(bytes, ms);
    expect(() => pace.add(99, 999)).not.toThrow();
  });

  it.each([
    [
      'at the end of a span that brought too little',
      [
        [50, 500],
        [49, 500],
      ],
    ],
    [
      'also after one that brought much',
      [
        [1_000_000, 1_000],
        [99, 1_000],
      ],
    ],
  ] as const)('is too slow %s', (_when, arrivals) => {
    const pace = new Pace({ bytes: 100, ms: 1_000 });
    const last = arrivals[arrivals.length - 1] as readonly [number, number];
    for (const [bytes, ms] of arrivals.slice(0, -1)) pace.add(bytes, ms);
    expect(() => pace.add(...last)).toThrow(expect.objectContaining({ code: 'SlowBody' }));
  });
});

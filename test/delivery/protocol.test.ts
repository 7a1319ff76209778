import {
  type Action,
  DEFAULT_LIMITS,
  type Event,
  initialState,
  type State,
  step,
} from '../../src/delivery/protocol.js';
import type { Checkpoint, KafkaFailure, TopicsEvidence } from '../../src/kafka/index.js';

const SIZE = 1_000;
const job = { intent: 'run' as const, sizeBytes: SIZE, checkpoint: null, staleMs: 0 };
const EMPTY = { start: 0, end: 0, high: 0 };
const noRecords = { data: EMPTY, dlq: EMPTY, recordsBeyond: null };

function endsAt(end: number) {
  return { start: 0, end, high: end };
}
const lost: KafkaFailure = { kind: 'transient', code: 'KAFKA_UNAVAILABLE', detail: 'connection closed' };
const fenced: KafkaFailure = { ...lost, kind: 'fenced' };
const tooLarge: KafkaFailure = { kind: 'fatal', code: 'KAFKA_REJECTED', detail: 'MESSAGE_TOO_LARGE' };

function checkpointAt(row: number, eof = false): Checkpoint {
  return {
    position: { row, line: row + 1, byte: row * 10 },
    ok: row,
    errors: 0,
    dataEnd: row,
    dlqEnd: 0,
    eof,
    bytesDone: row * 10,
    size: SIZE,
  };
}

/** Drives `step` by hand and keeps what it asked for. */
class Driver {
  now = 0;
  asked: Action[] = [];
  constructor(public state: State = initialState(job, 0)) {}

  on(...events: Event[]): this {
    for (const event of events) {
      const { state, actions } = step(this.state, event, this.now);
      this.state = state;
      this.asked = actions;
    }
    return this;
  }

  /** Up to the streaming phase, from the given checkpoint. */
  stream(checkpoint: Checkpoint | null = null): this {
    return this.on(
      { type: 'start' },
      { type: 'lease', current: true },
      { type: 'fenced' },
      { type: 'lease', current: true },
      { type: 'fetched', checkpoint, isStable: true },
      {
        type: 'inspected',
        evidence: { ...noRecords, data: endsAt(checkpoint?.dataEnd ?? 0) },
      },
    );
  }

  get did(): string[] {
    return this.asked.map((action) => action.do);
  }
}

describe('the delivery protocol', () => {
  it('asks for the lease before and after the fence, then reads from the checkpoint', () => {
    const driver = new Driver();
    expect(driver.on({ type: 'start' }).did).toEqual(['ask-lease']);
    expect(driver.on({ type: 'lease', current: true }).did).toEqual(['fence']);
    expect(driver.on({ type: 'fenced' }).did).toEqual(['ask-lease']);
    expect(driver.on({ type: 'lease', current: true }).did).toEqual(['fetch-checkpoint']);
    const checkpoint = checkpointAt(5);
    expect(driver.on({ type: 'fetched', checkpoint, isStable: true }).asked).toEqual([{ do: 'inspect', checkpoint }]);
    const evidence = { ...noRecords, data: endsAt(7) };
    expect(driver.on({ type: 'inspected', evidence }).asked).toEqual([{ do: 'read-from', checkpoint }]);
  });

  it.each(['first', 'second'])('leaves without touching the broker further when the %s lease answer is no', (which) => {
    const driver = new Driver().on({ type: 'start' });
    if (which === 'second') driver.on({ type: 'lease', current: true }, { type: 'fenced' });
    expect(driver.on({ type: 'lease', current: false }).did).toEqual(['close', 'exit']);
    expect(driver.on({ type: 'fenced' }, { type: 'tick' }).did).toEqual([]);
  });

  it('commits in the order drain, offsets, end of transaction, report, and sends on', () => {
    const driver = new Driver().stream().on({ type: 'sent', bytes: 100 });
    driver.now = DEFAULT_LIMITS.firstTransactionMs;
    expect(driver.on({ type: 'tick' }).did).toEqual(['drain']);
    const checkpoint = checkpointAt(10);
    expect(driver.on({ type: 'drained', checkpoint }).asked).toEqual([{ do: 'commit-offsets', checkpoint }]);
    expect(driver.on({ type: 'offsets-committed' }).asked).toEqual([{ do: 'end-transaction', checkpoint }]);
    expect(driver.on({ type: 'transaction-ended' }).asked).toEqual([
      { do: 'report-commit', checkpoint },
      { do: 'send-on' },
    ]);
    expect(driver.state.checkpoint).toEqual(checkpoint);
  });

  it('cuts at the size limit and never cuts an empty transaction', () => {
    const driver = new Driver().stream();
    driver.now = 1e9;
    expect(driver.on({ type: 'tick' }).did).toEqual([]);
    expect(driver.on({ type: 'sent', bytes: DEFAULT_LIMITS.transactionBytes }).did).toEqual(['drain']);
  });

  it('doubles the age of the cut from commit to commit up to the limit', () => {
    const driver = new Driver().stream();
    const ages: number[] = [];
    for (let i = 1; i <= 7; i++) {
      driver.on({ type: 'sent', bytes: 1 });
      const start = driver.now;
      while (driver.state.phase === 'streaming') {
        driver.now += 10;
        driver.on({ type: 'tick' });
      }
      ages.push(driver.now - start);
      driver.on(
        { type: 'drained', checkpoint: checkpointAt(i) },
        { type: 'offsets-committed' },
        { type: 'transaction-ended' },
      );
    }
    expect(ages).toEqual([50, 100, 200, 400, 800, 1000, 1000]);
  });

  it('ends completed with the commit of the end of the file, also of a file without rows', () => {
    const driver = new Driver().stream().on({ type: 'end-of-file' });
    expect(driver.did).toEqual(['drain']);
    const checkpoint = checkpointAt(0, true);
    driver.on({ type: 'drained', checkpoint }, { type: 'offsets-committed' }, { type: 'transaction-ended' });
    expect(driver.asked.at(-1)).toEqual({ do: 'finish', outcome: { kind: 'completed', checkpoint } });
  });

  it.each([
    ['draining', 0],
    ['committing-offsets', 1],
    ['ending-transaction', 2],
  ])('commits the rest in one more transaction when the file ends while %s', (phase, events) => {
    const rest: Event[] = [
      { type: 'drained', checkpoint: checkpointAt(5) },
      { type: 'offsets-committed' },
      { type: 'transaction-ended' },
    ];
    const driver = new Driver().stream().on({ type: 'sent', bytes: 1 });
    driver.now = DEFAULT_LIMITS.firstTransactionMs;
    driver.on({ type: 'tick' }, ...rest.slice(0, events));
    expect(driver.state.phase).toBe(phase);
    expect(driver.on({ type: 'end-of-file' }).did).toEqual([]);
    expect(driver.on(...rest.slice(events)).did).toEqual(['report-commit', 'send-on', 'drain']);
    const checkpoint = checkpointAt(9, true);
    driver.on({ type: 'drained', checkpoint }, { type: 'offsets-committed' }, { type: 'transaction-ended' });
    expect(driver.asked.at(-1)).toEqual({ do: 'finish', outcome: { kind: 'completed', checkpoint } });
  });

  it('finds a committed end of file after a crash and only finishes the job', () => {
    const checkpoint = checkpointAt(10, true);
    const driver = new Driver().stream(checkpoint);
    expect(driver.asked).toEqual([{ do: 'close' }, { do: 'finish', outcome: { kind: 'completed', checkpoint } }]);
  });

  it('closes, waits longer each time and starts over from the lease after a passing failure', () => {
    const driver = new Driver().stream().on({ type: 'sent', bytes: 1 });
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      driver.on({ type: 'failed', failure: lost });
      expect(driver.did).toEqual(['close', 'wait']);
      waits.push((driver.asked[1] as { ms: number }).ms);
      driver.on({ type: 'woken' });
      expect(driver.did).toEqual(['ask-lease']);
      driver.on({ type: 'lease', current: true });
    }
    expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('gives up after five minutes without a commit, and says that its checkpoint is a lower bound', () => {
    const driver = new Driver().stream(checkpointAt(3)).on({ type: 'sent', bytes: 1 });
    driver.now = DEFAULT_LIMITS.unavailableAfterMs - 1;
    expect(driver.on({ type: 'failed', failure: lost }).did).toEqual(['close', 'wait']);
    driver.on({ type: 'woken' }, { type: 'lease', current: true });
    driver.now++;
    driver.on({ type: 'failed', failure: lost });
    expect(driver.asked.at(-1)).toMatchObject({
      do: 'finish',
      outcome: {
        kind: 'failed',
        error: { code: 'KAFKA_UNAVAILABLE' },
        checkpointVerified: false,
        checkpoint: checkpointAt(3),
      },
    });
  });

  it('tries transactions of half the size when one was aborted for its age', () => {
    const driver = new Driver().stream().on({ type: 'sent', bytes: 1 });
    driver.on({ type: 'failed', failure: fenced });
    expect(driver.state.cutBytes).toBe(DEFAULT_LIMITS.transactionBytes / 2);
    expect(driver.did).toEqual(['close', 'wait']);
  });

  it('reconciles before it reports a fatal failure that came after something was sent', () => {
    const driver = new Driver().stream().on({ type: 'sent', bytes: 1 }, { type: 'failed', failure: tooLarge });
    expect(driver.did).toEqual(['close', 'ask-lease']);
    const checkpoint = checkpointAt(4);
    driver.on({ type: 'lease', current: true }, { type: 'fenced' }, { type: 'lease', current: true });
    driver.on({ type: 'fetched', checkpoint, isStable: true });
    driver.on({ type: 'inspected', evidence: { ...noRecords, data: endsAt(4) } });
    expect(driver.asked.at(-1)).toEqual({
      do: 'finish',
      outcome: {
        kind: 'failed',
        error: { code: 'KAFKA_REJECTED', detail: 'MESSAGE_TOO_LARGE' },
        checkpoint,
        checkpointVerified: true,
      },
    });
  });

  it.each(['fetching', 'inspecting'])(
    'reconciles before it reports a fatal failure while %s: only what was inspected is sure',
    (phase) => {
      const driver = new Driver().on({ type: 'start' }, { type: 'lease', current: true }, { type: 'fenced' });
      driver.on({ type: 'lease', current: true });
      if (phase === 'inspecting') driver.on({ type: 'fetched', checkpoint: checkpointAt(3), isStable: true });
      expect(driver.state.phase).toBe(phase);
      expect(driver.on({ type: 'failed', failure: tooLarge }).did).toEqual(['close', 'ask-lease']);
    },
  );

  it('says that its checkpoint is a lower bound when the reconcile meets a fatal failure, too', () => {
    const driver = new Driver().stream(checkpointAt(3)).on({ type: 'end-of-file' });
    driver.on({ type: 'drained', checkpoint: checkpointAt(9, true) }, { type: 'offsets-committed' });
    expect(driver.state.phase).toBe('ending-transaction');
    const denied: KafkaFailure = { ...tooLarge, detail: 'TOPIC_AUTHORIZATION_FAILED' };
    driver.on(
      { type: 'failed', failure: denied },
      { type: 'lease', current: true },
      { type: 'failed', failure: denied },
    );
    expect(driver.asked.at(-1)).toMatchObject({
      do: 'finish',
      outcome: {
        kind: 'failed',
        error: { code: 'KAFKA_REJECTED' },
        checkpointVerified: false,
        checkpoint: checkpointAt(3),
      },
    });
  });

  it('reports a header mismatch at once: nothing was sent since the checkpoint was read', () => {
    const failure: KafkaFailure = { kind: 'fatal', code: 'HEADER_MISMATCH', detail: 'missing: id' };
    const driver = new Driver().stream().on({ type: 'failed', failure });
    expect(driver.asked.at(-1)).toMatchObject({
      outcome: { kind: 'failed', error: { code: 'HEADER_MISMATCH' }, checkpointVerified: true },
    });
  });

  describe('whose credentials the broker refuses', () => {
    const refused: KafkaFailure = { kind: 'unauthenticated', code: 'KAFKA_REJECTED', detail: 'wrong password' };
    const again = [{ type: 'woken' }, { type: 'lease', current: true }, { type: 'failed', failure: refused }] as const;

    it('tries again for a minute, then fails as rejected', () => {
      const driver = new Driver().stream(checkpointAt(3)).on({ type: 'failed', failure: refused });
      expect(driver.did).toEqual(['close', 'wait']);
      driver.now = DEFAULT_LIMITS.unauthenticatedMs - 1;
      expect(driver.on(...again).did).toEqual(['close', 'wait']);
      driver.now += 1;
      expect(driver.on(...again).did).toEqual(['close', 'ask-lease']);
      driver.on({ type: 'lease', current: true }, { type: 'failed', failure: refused });
      expect(driver.asked.at(-1)).toMatchObject({
        outcome: {
          kind: 'failed',
          error: { code: 'KAFKA_REJECTED', detail: 'wrong password' },
          checkpointVerified: false,
        },
      });
    });

    it('counts anew once it was let in', () => {
      const driver = new Driver().stream().on({ type: 'failed', failure: refused });
      driver.now = DEFAULT_LIMITS.unauthenticatedMs - 1;
      driver.on({ type: 'woken' }).stream();
      expect(driver.state.phase).toBe('streaming');
      driver.now += 2;
      expect(driver.on({ type: 'failed', failure: refused }).did).toEqual(['close', 'wait']);
    });
  });

  it.each(['streaming', 'draining', 'committing-offsets', 'ending-transaction'])(
    'drops the session and reconciles when it is cancelled while %s',
    (phase) => {
      const driver = new Driver().stream().on({ type: 'sent', bytes: 1 });
      const path: Event[] = [
        { type: 'end-of-file' },
        { type: 'drained', checkpoint: checkpointAt(9, true) },
        { type: 'offsets-committed' },
      ];
      for (const event of path) if (driver.state.phase !== phase) driver.on(event);
      expect(driver.state.phase).toBe(phase);
      expect(driver.on({ type: 'reconcile' }).did).toEqual(['close', 'ask-lease']);
      driver.on({ type: 'lease', current: true }, { type: 'fenced' }, { type: 'lease', current: true });
      driver.on({ type: 'fetched', checkpoint: null, isStable: true }, { type: 'inspected', evidence: noRecords });
      expect(driver.asked.at(-1)).toEqual({ do: 'finish', outcome: { kind: 'reconciled', checkpoint: null } });
    },
  );

  it('keeps the result when a cancel finds the end of the file committed', () => {
    const checkpoint = checkpointAt(9, true);
    const driver = new Driver().on({ type: 'reconcile' }).stream(checkpoint);
    expect(driver.asked.at(-1)).toEqual({ do: 'finish', outcome: { kind: 'completed', checkpoint } });
  });

  describe('while it reconciles', () => {
    const CANCELLED = ['a cancel', () => new Driver().stream(checkpointAt(3)).on({ type: 'reconcile' })] as const;
    const VERDICT = [
      'a fatal failure',
      () => new Driver().stream(checkpointAt(3)).on({ type: 'sent', bytes: 1 }, { type: 'failed', failure: tooLarge }),
    ] as const;
    const HANDED_OUT = [
      'its assignment',
      () =>
        new Driver(initialState({ ...job, intent: 'reconcile', checkpoint: checkpointAt(3) }, 0)).on({ type: 'start' }),
    ] as const;
    const unreconciled = {
      do: 'finish',
      outcome: { kind: 'failed', checkpointVerified: false, checkpoint: checkpointAt(3) },
    };

    it.each([CANCELLED, VERDICT, HANDED_OUT])('gives its runner back 10 s after %s', (_, begun) => {
      const driver = begun().on({ type: 'lease', current: true });
      driver.now = DEFAULT_LIMITS.reconcileMs - 1;
      expect(driver.on({ type: 'tick' }).did).toEqual([]);
      expect(driver.on({ type: 'failed', failure: lost }).did).toEqual(['close', 'wait']);
      driver.on({ type: 'woken' }, { type: 'lease', current: true });
      driver.now += 1;
      expect(driver.on({ type: 'tick' }).asked.at(-1)).toMatchObject(unreconciled);
    });

    it.each([
      [...CANCELLED, 'KAFKA_UNAVAILABLE'],
      [...VERDICT, 'KAFKA_REJECTED'],
    ] as const)('says after %s what the job fails with', (_, begun, code) => {
      const driver = begun().on({ type: 'lease', current: true });
      driver.now = DEFAULT_LIMITS.reconcileMs;
      driver.on({ type: 'failed', failure: lost });
      expect(driver.asked.at(-1)).toMatchObject({ outcome: { error: { code }, checkpointVerified: false } });
    });

    it('looks at a checkpoint that may be stale for as long as in a run, but no longer than 25 s in all', () => {
      const [, begun] = HANDED_OUT;
      const driver = begun().on({ type: 'lease', current: true }, { type: 'fenced' }, { type: 'lease', current: true });
      driver.now = DEFAULT_LIMITS.reconcileMs - 1;
      driver.on({ type: 'fetched', checkpoint: null, isStable: true });
      expect(driver.did).toEqual(['wait']);
      driver.now = DEFAULT_LIMITS.reconcileMs + DEFAULT_LIMITS.staleMs - 2;
      expect(driver.on({ type: 'tick' }, { type: 'woken' }).did).toEqual(['fetch-checkpoint']);
      driver.now = 25_000;
      expect(driver.on({ type: 'tick' }).asked.at(-1)).toMatchObject(unreconciled);
    });

    it('does not hurry a run', () => {
      const driver = new Driver().stream().on({ type: 'sent', bytes: 1 }, { type: 'end-of-file' });
      driver.now = DEFAULT_LIMITS.reconcileMs * 2;
      expect(driver.on({ type: 'tick' }).did).toEqual([]);
    });
  });

  it('commits what is open before it stops, and stops at once if nothing is', () => {
    const idle = new Driver().stream().on({ type: 'stop' });
    expect(idle.asked.at(-1)).toEqual({ do: 'finish', outcome: { kind: 'stopped' } });
    const busy = new Driver().stream().on({ type: 'sent', bytes: 1 }, { type: 'stop' });
    expect(busy.did).toEqual(['drain']);
    busy.on(
      { type: 'drained', checkpoint: checkpointAt(2) },
      { type: 'offsets-committed' },
      { type: 'transaction-ended' },
    );
    expect(busy.did).toEqual(['report-commit', 'close', 'finish']);
  });

  describe('on a checkpoint that does not fit the topics', () => {
    const until = (checkpoint: Checkpoint | null, state = initialState(job, 0), isStable = true) =>
      new Driver(state).on(
        { type: 'start' },
        { type: 'lease', current: true },
        { type: 'fenced' },
        { type: 'lease', current: true },
        { type: 'fetched', checkpoint, isStable },
      );
    const lostCheckpoint = {
      outcome: { kind: 'failed', error: { code: 'CHECKPOINT_LOST' }, checkpointVerified: true },
    };

    it.each([
      ['there is none although the store has seen one', checkpointAt(3), null, noRecords],
      ['it is older than the one that the store has seen', checkpointAt(6), checkpointAt(5), noRecords],
      [
        'there is none and a topic holds a committed record',
        null,
        null,
        { ...noRecords, recordsBeyond: 'others' as const },
      ],
    ])('looks again for ten seconds if %s, then leaves it to a later runner', (_what, known, checkpoint, evidence) => {
      const driver = until(checkpoint, initialState({ ...job, checkpoint: known }, 0));
      if (driver.did[0] === 'inspect') driver.on({ type: 'inspected', evidence });
      expect(driver.did).toEqual(['wait']);
      const answer = (): void => {
        driver.on({ type: 'woken' }, { type: 'fetched', checkpoint, isStable: true });
        if (driver.did[0] === 'inspect') driver.on({ type: 'inspected', evidence });
      };
      driver.now = DEFAULT_LIMITS.staleMs - 1;
      answer();
      expect(driver.did).toEqual(['wait']);
      driver.now += 1;
      answer();
      expect(driver.did).toEqual(['close', 'finish']);
      expect(driver.asked.at(-1)).toMatchObject({ outcome: { kind: 'stale', staleMs: DEFAULT_LIMITS.staleMs } });
    });

    describe('that other runners have found to be stale', () => {
      const answer = { type: 'fetched', checkpoint: null, isStable: true } as const;
      const seen = (staleMs: number, more: Partial<State> = {}) => {
        const driver = until(null, { ...initialState({ ...job, checkpoint: checkpointAt(3), staleMs }, 0), ...more });
        expect(driver.did).toEqual(['wait']);
        driver.now = DEFAULT_LIMITS.staleMs;
        return driver.on({ type: 'woken' }, answer);
      };
      const untilLost = DEFAULT_LIMITS.lostAfterMs - DEFAULT_LIMITS.staleMs;

      it('refuses to go on after a minute in all, of which ten seconds are its own', () => {
        expect(seen(untilLost - 1).asked.at(-1)).toMatchObject({
          outcome: { kind: 'stale', staleMs: DEFAULT_LIMITS.lostAfterMs - 1 },
        });
        const lostAtLast = { outcome: { ...lostCheckpoint.outcome, checkpoint: checkpointAt(3) } };
        expect(seen(untilLost).asked.at(-1)).toMatchObject(lostAtLast);
        expect(seen(1e9).asked.at(-1)).toMatchObject(lostAtLast);
      });

      it('does not count the time between two sessions', () => {
        const driver = until(null, initialState({ ...job, checkpoint: checkpointAt(3), staleMs: untilLost }, 0));
        driver.on({ type: 'woken' }, { type: 'failed', failure: lost });
        driver.now = 3_600_000;
        driver.on({ type: 'woken' }, { type: 'lease', current: true }, { type: 'fenced' });
        expect(driver.on({ type: 'lease', current: true }, answer).did).toEqual(['wait']);
        driver.now += DEFAULT_LIMITS.staleMs;
        expect(driver.on({ type: 'woken' }, answer).asked.at(-1)).toMatchObject(lostCheckpoint);
      });

      it('counts anew once it has seen the checkpoint', () => {
        const driver = new Driver(initialState({ ...job, checkpoint: checkpointAt(3), staleMs: 1e9 }, 0));
        driver.stream(checkpointAt(3)).on({ type: 'sent', bytes: 1 }, { type: 'failed', failure: lost });
        driver.on({ type: 'woken' }, { type: 'lease', current: true }, { type: 'fenced' });
        driver.on({ type: 'lease', current: true }, answer);
        driver.now = DEFAULT_LIMITS.staleMs;
        expect(driver.on({ type: 'woken' }, answer).asked.at(-1)).toMatchObject({
          outcome: { kind: 'stale', staleMs: DEFAULT_LIMITS.staleMs },
        });
      });

      it('says what the job failed with, if it has, and that the rest is not known', () => {
        const pendingError = { code: 'KAFKA_REJECTED', detail: 'MESSAGE_TOO_LARGE' } as const;
        expect(seen(0, { pendingError }).asked.at(-1)).toMatchObject({
          outcome: { kind: 'failed', error: pendingError, checkpointVerified: false, checkpoint: checkpointAt(3) },
        });
      });

      it('leaves at once when the process stops', () => {
        const driver = until(null, initialState({ ...job, checkpoint: checkpointAt(3) }, 0));
        driver.on({ type: 'woken' }, { type: 'stop' }, answer);
        expect(driver.asked.at(-1)).toMatchObject({ outcome: { kind: 'stopped' } });
      });
    });

    describe('of topics that the broker does not know', () => {
      const failure: KafkaFailure = { kind: 'missing', code: 'CHECKPOINT_LOST', detail: 'there is none' };
      const missing = (driver: Driver): Driver =>
        driver.on({ type: 'lease', current: true }, { type: 'failed', failure });

      it.each([
        [0, { outcome: { kind: 'stale', staleMs: DEFAULT_LIMITS.staleMs } }],
        [DEFAULT_LIMITS.lostAfterMs, lostCheckpoint],
      ])('opens sessions for ten seconds, then ends (%s ms after the first runner)', (staleMs, expected) => {
        const driver = missing(new Driver(initialState({ ...job, staleMs }, 0)).on({ type: 'start' }));
        expect(driver.did).toEqual(['close', 'wait']);
        driver.now = DEFAULT_LIMITS.staleMs - 1;
        expect(missing(driver.on({ type: 'woken' })).did).toEqual(['close', 'wait']);
        driver.now += 1;
        expect(missing(driver.on({ type: 'woken' })).asked.at(-1)).toMatchObject(expected);
      });

      it('goes on once the broker has heard of them', () => {
        const driver = missing(new Driver().on({ type: 'start' }))
          .on({ type: 'woken' })
          .stream();
        expect(driver.did).toEqual(['read-from']);
      });
    });

    it.each([
      ['a topic lost its beginning', { ...noRecords, data: { ...endsAt(9), start: 1 } }],
      ['the DLQ lost its beginning', { ...noRecords, data: endsAt(9), dlq: { ...endsAt(2), start: 2 } }],
    ])('refuses to go on where %s', (_what, evidence) => {
      expect(until(checkpointAt(5)).on({ type: 'inspected', evidence }).asked.at(-1)).toMatchObject(lostCheckpoint);
    });

    it.each([
      ['a record lies behind it', { ...noRecords, data: endsAt(9), recordsBeyond: 'others' as const }],
      ['the data topic ends before it', { ...noRecords, data: endsAt(4) }],
    ])('looks again for ten seconds where %s, then leaves it to a later runner', (_what, evidence) => {
      const driver = until(checkpointAt(5)).on({ type: 'inspected', evidence });
      expect(driver.did).toEqual(['wait']);
      expect(driver.on({ type: 'woken' }).did).toEqual(['fetch-checkpoint']);
      driver.on({ type: 'fetched', checkpoint: checkpointAt(8), isStable: true });
      const agreeing = { ...noRecords, data: endsAt(9) };
      const recovered = step(driver.state, { type: 'inspected', evidence: agreeing }, 100);
      expect(recovered.actions).toEqual([{ do: 'read-from', checkpoint: checkpointAt(8) }]);
      driver.now = DEFAULT_LIMITS.staleMs;
      expect(driver.on({ type: 'inspected', evidence }).asked.at(-1)).toMatchObject({ outcome: { kind: 'stale' } });
    });

    describe('with a transaction that is open after the fence', () => {
      const checkpoint = checkpointAt(5);
      const open = { ...noRecords, data: { start: 0, end: 7, high: 9 } };
      const hanging = () => {
        const driver = until(checkpoint).on({ type: 'inspected', evidence: open });
        driver.now = DEFAULT_LIMITS.hangingMs;
        return driver.on(
          { type: 'woken' },
          { type: 'fetched', checkpoint, isStable: true },
          { type: 'inspected', evidence: open },
        );
      };
      const ours = { start: 7, isOurs: true, reachesBeyond: false };

      it('sends nothing, and goes on when the marker comes late', () => {
        const driver = until(checkpoint).on({ type: 'inspected', evidence: open });
        expect(driver.did).toEqual(['wait']);
        driver.now = DEFAULT_LIMITS.hangingMs - 1;
        driver.on(
          { type: 'woken' },
          { type: 'fetched', checkpoint, isStable: true },
          { type: 'inspected', evidence: open },
        );
        expect(driver.did).toEqual(['wait']);
        driver.on({ type: 'woken' }, { type: 'fetched', checkpoint, isStable: true });
        driver.on({ type: 'inspected', evidence: { ...noRecords, data: endsAt(10) } });
        expect(driver.asked).toEqual([{ do: 'read-from', checkpoint }]);
      });

      it('looks at it after five seconds with the same checkpoint, counted over sessions', () => {
        expect(hanging().asked).toEqual([{ do: 'examine', checkpoint }]);
        const moved = until(checkpoint).on({ type: 'inspected', evidence: open });
        moved.now = DEFAULT_LIMITS.hangingMs;
        moved.on({ type: 'woken' }, { type: 'fetched', checkpoint: checkpointAt(6), isStable: true });
        expect(moved.on({ type: 'inspected', evidence: open }).did).toEqual(['wait']);
        const again = until(checkpoint).on({ type: 'inspected', evidence: open }, { type: 'woken' });
        again.on({ type: 'failed', failure: lost }, { type: 'woken' }, { type: 'lease', current: true });
        again.now = DEFAULT_LIMITS.hangingMs;
        again.on({ type: 'fenced' }, { type: 'lease', current: true }, { type: 'fetched', checkpoint, isStable: true });
        expect(again.on({ type: 'inspected', evidence: open }).did).toEqual(['examine']);
      });

      it('aborts rows that the checkpoint does not cover, commits those that it covers, then looks again', () => {
        const driver = hanging();
        driver.on({ type: 'examined', open: { data: ours, dlq: null } });
        expect(driver.asked).toEqual([{ do: 'repair', abort: ['data'], commit: [] }]);
        expect(driver.on({ type: 'repaired' }).did).toEqual(['fetch-checkpoint']);
        const both = { data: { ...ours, start: 4 }, dlq: { ...ours, start: 0 } };
        expect(hanging().on({ type: 'examined', open: both }).asked).toEqual([
          { do: 'repair', abort: ['dlq'], commit: ['data'] },
        ]);
      });

      it.each([
        ['holds rows before and after the checkpoint', { ...ours, start: 4, reachesBeyond: true }],
        ['belongs to another producer', { ...ours, isOurs: false }],
      ])('refuses to go on if it %s', (_what, transaction) => {
        const driver = hanging().on({ type: 'examined', open: { data: transaction, dlq: null } });
        expect(driver.asked.at(-1)).toMatchObject(lostCheckpoint);
      });

      it('ends it before a cancel is done', () => {
        const driver = hanging().on({ type: 'reconcile' }, { type: 'examined', open: { data: ours, dlq: null } });
        expect(driver.did).toEqual(['repair']);
        driver.on({ type: 'repaired' }, { type: 'fetched', checkpoint, isStable: true });
        driver.on({ type: 'inspected', evidence: { ...noRecords, data: endsAt(10) } });
        expect(driver.asked.at(-1)).toEqual({ do: 'finish', outcome: { kind: 'reconciled', checkpoint } });
      });

      it('fails without the broker when markers are lost for five minutes', () => {
        const driver = hanging();
        driver.now = DEFAULT_LIMITS.unavailableAfterMs;
        driver.on({ type: 'examined', open: { data: ours, dlq: null } });
        expect(driver.asked.at(-1)).toMatchObject({
          outcome: { kind: 'failed', error: { code: 'KAFKA_UNAVAILABLE' }, checkpointVerified: false, checkpoint },
        });
      });
    });

    describe('with a later checkpoint that is still pending after the fence', () => {
      const checkpoint = checkpointAt(5);
      const pending = (evidence: TopicsEvidence) => {
        const driver = until(checkpoint, initialState(job, 0), false).on({ type: 'inspected', evidence });
        expect(driver.did).toEqual(['wait']);
        driver.now = DEFAULT_LIMITS.hangingMs;
        driver.on({ type: 'woken' }, { type: 'fetched', checkpoint, isStable: false });
        return driver.on({ type: 'inspected', evidence });
      };
      const readable = { ...noRecords, data: endsAt(9), recordsBeyond: 'ours' as const };
      const ours = { start: 6, isOurs: true, reachesBeyond: false };

      it('goes on when its marker comes late', () => {
        const driver = until(checkpoint, initialState(job, 0), false).on({ type: 'inspected', evidence: readable });
        driver.on({ type: 'woken' }, { type: 'fetched', checkpoint: checkpointAt(8), isStable: true });
        driver.on({ type: 'inspected', evidence: { ...noRecords, data: endsAt(9) } });
        expect(driver.asked).toEqual([{ do: 'read-from', checkpoint: checkpointAt(8) }]);
      });

      it('aborts it if none of its rows can be read, together with the rows', () => {
        const driver = pending({ ...noRecords, data: { start: 0, end: 6, high: 9 } });
        driver.on({ type: 'examined', open: { data: ours, dlq: null } });
        expect(driver.asked).toEqual([{ do: 'repair', abort: ['data', 'offsets'], commit: [] }]);
        const alone = pending({ ...noRecords, data: endsAt(6) }).on({
          type: 'examined',
          open: { data: null, dlq: null },
        });
        expect(alone.asked).toEqual([{ do: 'repair', abort: ['offsets'], commit: [] }]);
      });

      it('commits it if rows of ours can be read', () => {
        const driver = pending(readable);
        expect(driver.asked).toEqual([{ do: 'repair', abort: [], commit: ['offsets'] }]);
        expect(driver.on({ type: 'repaired' }).did).toEqual(['fetch-checkpoint']);
      });

      it('refuses to go on if those rows are not ours, or if rows that the checkpoint covers hang as well', () => {
        const driver = until(checkpoint, initialState({ ...job, staleMs: 1e9 }, 0), false);
        const evidence = { ...readable, recordsBeyond: 'others' as const };
        driver.on({ type: 'inspected', evidence }, { type: 'woken' });
        driver.now = DEFAULT_LIMITS.staleMs;
        driver.on({ type: 'fetched', checkpoint, isStable: false }, { type: 'inspected', evidence });
        expect(driver.asked.at(-1)).toMatchObject(lostCheckpoint);
        const both = pending({ ...noRecords, data: { start: 0, end: 4, high: 9 } });
        both.on({ type: 'examined', open: { data: { ...ours, start: 4 }, dlq: null } });
        expect(both.asked.at(-1)).toMatchObject(lostCheckpoint);
      });
    });

    it('refuses a file whose size is not that of the checkpoint', () => {
      const driver = until({ ...checkpointAt(5), size: SIZE + 1 });
      expect(driver.asked.at(-1)).toMatchObject({ outcome: { error: { code: 'FILE_CORRUPT' } } });
    });
  });
});

import {
  type Action,
  DEFAULT_LIMITS,
  type Event,
  initialState,
  type State,
  step,
} from '../../../src/delivery/protocol.js';
import { DEFAULT_OPTIONS } from '../../../src/ingest/index.js';
import { StaleTimes } from '../../../src/jobs/coordination/stale-times.js';
import type { StoredJob } from '../../../src/jobs/domain/stored-job.js';
import { decideIntent, decideOutcome } from '../../../src/jobs/domain/transitions.js';
import type { Checkpoint } from '../../../src/kafka/index.js';
import type { Outcome } from '../../../src/runner/ipc.js';
import { ModelBroker, Refused, TOPICS, type Topic } from './model-broker.js';

/** Mistakes that can be planted to see that the simulation catches them. */
export type PlantedBug =
  | 'skip-fence'
  | 'commit-before-acknowledged'
  | 'checkpoint-one-row-early'
  | 'checkpoint-one-row-late'
  | 'commit-unknown-is-committed'
  | 'retry-unknown-commit-in-place'
  | 'trust-stale-checkpoint'
  | 'report-before-commit'
  | 'send-while-committing'
  | 'checkpoint-what-is-held'
  | 'leave-unreconciled'
  | 'no-check-for-open-transactions'
  | 'take-pending-offsets-for-none'
  | 'commit-every-hanging-transaction'
  | 'abort-every-hanging-transaction'
  | 'send-on-before-rows-are-readable'
  | 'ignore-where-the-first-batch-lands'
  | 'take-the-first-stale-runner-for-the-last'
  | 'forget-the-stale-runners-before';

/** The job as the jobs side keeps it. */
type SimulatedRecord = Pick<
  StoredJob,
  | 'state'
  | 'format'
  | 'options'
  | 'pendingError'
  | 'error'
  | 'crashes'
  | 'failures'
  | 'checkpoint'
  | 'checkpointVerified'
>;

export interface Verdict {
  seed: number;
  /** The committed rows by topic: each must hold its share of 0 … rows − 1 in order. */
  committed: Record<Topic, number[]>;
  rows: number;
  /** Markers that were lost. */
  lostMarkers: number;
  /** As it ended; where it did not, as it was left. */
  job: SimulatedRecord;
  cancelled: boolean;
  /** The broker refused requests for good, for some time. */
  refused: boolean;
  /** For how long Kafka had answered with an older checkpoint, or without the topics, when one was declared lost. */
  staleMs: number | null;
  /** The highest row count that a runner reported as committed while it was not. */
  overstated: number;
}

const MAX_EVENTS = 50_000;
const FILE_SIZE = 1_000;
/** Shorter than the product's, for fewer events. */
const READABLE_WITHIN_MS = 200;
const CODES = {
  fatal: 'KAFKA_REJECTED',
  missing: 'CHECKPOINT_LOST',
  fenced: 'KAFKA_UNAVAILABLE',
  transient: 'KAFKA_UNAVAILABLE',
} as const;

/** The topic that a row belongs to. */
export function topicOf(row: number): Topic {
  return row % 5 === 3 ? 'dlq' : 'data';
}

/** Batches that are read ahead while a transaction is committed. */
const MAX_HELD = 4;
const MAX_ATTEMPTS = 2;
/** How often the jobs side looks for failed jobs that are not reconciled. */
const LOOK_AFTER_MS = 5_000;

/** Runs one job of a random size against a model broker, with random delays, losses, kills, freezes and outages. */
export function simulate(seed: number, bug?: PlantedBug): Verdict {
  return new Simulation(seed, bug).run();
}

interface Task {
  at: number;
  order: number;
  run(): void;
}

class Simulation {
  now = 0;
  readonly broker = new ModelBroker(() => this.#losesMarker());
  lostMarkers = 0;
  readonly rows: number;
  lease = 0;
  overstated = 0;
  /** No request arrives before. */
  outageUntil = 0;
  /** Every request is refused for good before, as when permissions are taken away and given back. */
  refusedUntil = 0;
  /** Whether such times come. */
  readonly refuses: boolean;
  /**
   * A time in which Kafka answers with an older checkpoint, or does not know the topics; null: it never does so. Not
   * where markers are lost, too: a transaction that hangs is judged by the checkpoint.
   */
  readonly staleness: { what: 'checkpoint' | 'topics'; from: number; until: number } | null;
  readonly staleTimes = new StaleTimes();
  #lostAt: number | null = null;
  #job: SimulatedRecord = {
    state: 'RUNNING',
    format: 'csv',
    options: DEFAULT_OPTIONS,
    pendingError: null,
    error: null,
    crashes: 0,
    failures: 0,
    checkpoint: null,
    checkpointVerified: false,
  };
  #ended = false;
  /** How wild this seed is: the chance that something happens to a request or a runner. */
  readonly trouble: number;
  /** The chance that a marker is lost. */
  readonly markerLoss: number;
  readonly seed: number;
  readonly bug: PlantedBug | undefined;
  #cancelled = false;
  #runner: SimulatedRunner | undefined;
  readonly #tasks: Task[] = [];
  #order = 0;
  #state: number;

  constructor(seed: number, bug: PlantedBug | undefined) {
    this.seed = seed;
    this.bug = bug;
    this.#state = (seed * 0x9e37_79b1) | 1;
    this.rows = Math.floor(this.random() * 120);
    const trouble = this.random() ** 2 * 0.12;
    this.refuses = this.chance(0.4);
    this.markerLoss = this.chance(0.5) ? 0 : this.random() * 0.3;
    this.staleness = this.markerLoss === 0 && this.chance(0.3) ? this.#aStaleness() : null;
    // Who is to find out that it is for good must not be killed within each minute.
    this.trouble = this.staleness?.until === Number.POSITIVE_INFINITY ? trouble * 0.01 : trouble;
  }

  run(): Verdict {
    this.claim();
    if (this.chance(0.25)) this.later(this.random() * 3_000, () => this.#cancel());
    if (this.staleness?.what === 'checkpoint') {
      const { from, until } = this.staleness;
      this.later(from, () => this.broker.askFormerCoordinator(until, this.chance(0.5)));
    }
    for (let count = 0; !this.#ended && count < MAX_EVENTS; count++) {
      const task = this.#take();
      if (task === undefined) break;
      this.now = task.at;
      task.run();
    }
    // What is still on its way arrives after the end; it must not matter.
    for (let task = this.#take(); task !== undefined && task.order < this.#order; task = this.#take()) {
      this.now = Math.max(this.now, task.at);
      task.run();
      if (this.now > 1e7) break;
    }
    const { seed, rows, overstated, lostMarkers } = this;
    const { data, dlq } = this.broker.partitions;
    const committed = { data: data.committed(), dlq: dlq.committed() };
    const job = this.#job;
    const staleMs = this.#lostAt === null ? null : this.#lostAt - (this.staleness?.from ?? this.#lostAt);
    const known = { seed, committed, rows, job, overstated, lostMarkers, staleMs };
    return { ...known, cancelled: this.#cancelled, refused: this.refuses };
  }

  /** Up to two minutes, or for good. */
  #aStaleness(): NonNullable<Simulation['staleness']> {
    const from = this.random() * 2_000;
    const until = this.chance(0.2) ? Number.POSITIVE_INFINITY : from + this.random() * 120_000;
    return { what: this.chance(0.7) ? 'checkpoint' : 'topics', from, until };
  }

  areTopicsUnknown(): boolean {
    const { staleness, now } = this;
    return staleness?.what === 'topics' && now >= staleness.from && now < staleness.until;
  }

  #losesMarker(): boolean {
    const isLost = this.chance(this.markerLoss);
    if (isLost) this.lostMarkers++;
    return isLost;
  }

  /** The pool gives the job to a new runner, if it needs one. */
  claim(): void {
    const intent = this.#ended ? null : decideIntent(this.#job);
    if (intent === null) return;
    this.lease++;
    const runner = new SimulatedRunner(this, this.lease, intent, this.#staleMs());
    this.#runner = runner;
    this.later(1, () => runner.dispatch({ type: 'start' }));
  }

  /** The jobs side hears how a runner's work ended, and hands the job out again until it is reconciled. */
  finished(outcome: Outcome): void {
    if (outcome.kind === 'stale') this.staleTimes.note('it', outcome.staleMs, this.now);
    else this.staleTimes.forget('it');
    const decision = decideOutcome(this.#job, outcome, MAX_ATTEMPTS);
    switch (decision.kind) {
      case 'end':
      case 'amend': {
        const { kind: _, ...known } = decision;
        this.#job = { ...this.#job, ...known };
        this.#ended = known.checkpointVerified || this.bug === 'leave-unreconciled';
        if (known.error?.code === 'CHECKPOINT_LOST') this.#lostAt ??= this.now;
        break;
      }
      case 'again':
        this.#job = { ...this.#job, ...decision.known };
        this.later(decision.delayMs, () => this.claim());
        return;
      case 'reconcile-later':
        this.#job = { ...this.#job, ...decision.known };
        break;
      case 'leave':
    }
    this.later(LOOK_AFTER_MS, () => this.claim());
  }

  /** A runner is lost, and the job is handed to another. */
  reclaim(): void {
    this.staleTimes.forget('it');
    this.claim();
  }

  #staleMs(): number {
    const staleMs = this.staleTimes.of('it', this.now);
    if (this.bug === 'take-the-first-stale-runner-for-the-last') return DEFAULT_LIMITS.lostAfterMs;
    return this.bug === 'forget-the-stale-runners-before' ? 0 : staleMs;
  }

  #cancel(): void {
    if (this.#job.state !== 'RUNNING') return;
    this.#cancelled = true;
    this.#job = { ...this.#job, state: 'CANCELLING' };
    this.#runner?.dispatch({ type: 'reconcile' });
  }

  /** Seeded xorshift32: 0 ≤ x < 1. */
  random(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  later(ms: number, run: () => void): void {
    this.#tasks.push({ at: this.now + ms, order: this.#order++, run });
  }

  #take(): Task | undefined {
    let first = 0;
    for (let i = 1; i < this.#tasks.length; i++) {
      const [a, b] = [this.#tasks[i] as Task, this.#tasks[first] as Task];
      if (a.at < b.at || (a.at === b.at && a.order < b.order)) first = i;
    }
    return this.#tasks.splice(first, 1)[0];
  }
}

interface Session {
  epoch: number;
  sequences: Record<Topic, number>;
  /** Where the first batch of a topic must land. */
  inspectedEnds: Map<Topic, number>;
  /** When the last request sent arrives: a connection keeps its order. */
  arrival: number;
  broken: boolean;
  inFlight: number;
  ends: Record<Topic, number>;
}

function newSession(): Session {
  return {
    epoch: -1,
    sequences: { data: 0, dlq: 0 },
    inspectedEnds: new Map(),
    arrival: 0,
    broken: false,
    inFlight: 0,
    ends: { data: 0, dlq: 0 },
  };
}

class SimulatedRunner {
  #state: State;
  #session = newSession();
  #generation = 0;
  #cursor = 0;
  /** The pump has found the end of the file. */
  #atEnd = false;
  /** What the checkpoint of a cut will say, until it is said. */
  #cut: { row: number; eof: boolean } | null = null;
  /** Batches of the next transaction, since the cut. */
  #held: number[][] | null = null;
  #isDead = false;
  /** Frozen: what should happen to it before happens then. */
  #frozenUntil = 0;
  readonly #simulation: Simulation;
  readonly #lease: number;

  constructor(simulation: Simulation, lease: number, intent: 'run' | 'reconcile', staleMs: number) {
    this.#simulation = simulation;
    this.#lease = lease;
    const job = { intent, sizeBytes: FILE_SIZE, checkpoint: null, staleMs };
    this.#state = initialState(job, simulation.now, { ...DEFAULT_LIMITS, unavailableAfterMs: 1e9 });
  }

  dispatch(event: Event): void {
    const { now } = this.#simulation;
    if (this.#isDead) return;
    if (now < this.#frozenUntil) {
      this.#simulation.later(this.#frozenUntil - now, () => this.dispatch(event));
      return;
    }
    if (this.#strikes()) return;
    const { state, actions } = step(this.#state, this.#distorted(event), now);
    this.#state = state;
    for (const action of actions) this.#perform(action);
  }

  /** Sometimes the runner is killed, or frozen until after it was replaced; true: this event does not happen now. */
  #strikes(): boolean {
    const simulation = this.#simulation;
    if (simulation.chance(simulation.trouble * 0.3)) {
      this.#isDead = true;
      simulation.later(simulation.random() * 100, () => simulation.reclaim());
      return true;
    }
    if (simulation.chance(simulation.trouble * 0.1)) {
      this.#frozenUntil = simulation.now + simulation.random() * 3_000;
      simulation.later(simulation.random() * 1_000, () => simulation.reclaim());
    }
    return false;
  }

  #distorted(event: Event): Event {
    if (event.type === 'fetched' && this.#simulation.bug === 'trust-stale-checkpoint') return event;
    if (event.type === 'fetched' && this.#simulation.bug === 'take-pending-offsets-for-none') {
      return { ...event, isStable: true };
    }
    if (event.type === 'inspected' && this.#simulation.bug === 'trust-stale-checkpoint') {
      return { ...event, evidence: { ...event.evidence, recordsBeyond: null } };
    }
    if (event.type === 'inspected' && this.#simulation.bug === 'no-check-for-open-transactions') {
      const { data, dlq } = event.evidence;
      const closed = { data: { ...data, end: data.high }, dlq: { ...dlq, end: dlq.high } };
      return { ...event, evidence: { ...event.evidence, ...closed } };
    }
    if (event.type === 'failed' && this.#state.phase === 'ending-transaction') {
      if (this.#simulation.bug === 'commit-unknown-is-committed') return { type: 'transaction-ended' };
    }
    return event;
  }

  #perform(action: Action): void {
    const simulation = this.#simulation;
    switch (action.do) {
      case 'ask-lease':
        simulation.later(1, () => this.dispatch({ type: 'lease', current: simulation.lease === this.#lease }));
        break;
      case 'fence':
        this.#session = newSession();
        this.#request(
          () => {
            if (simulation.areTopicsUnknown()) throw new Refused('missing');
            return simulation.bug === 'skip-fence' ? simulation.broker.currentEpoch() : simulation.broker.fence();
          },
          (epoch) => {
            this.#session.epoch = epoch;
            this.dispatch({ type: 'fenced' });
          },
        );
        break;
      case 'fetch-checkpoint':
        this.#request(
          () => simulation.broker.fetch(simulation.now, simulation.chance(0.3)),
          (fetched) => this.dispatch({ type: 'fetched', ...fetched }),
        );
        break;
      case 'inspect':
        this.#request(
          () => simulation.broker.inspect(action.checkpoint, simulation.now),
          (evidence) => {
            for (const topic of TOPICS) this.#session.inspectedEnds.set(topic, evidence[topic].high);
            this.dispatch({ type: 'inspected', evidence });
          },
        );
        break;
      case 'examine':
        this.#request(
          () => simulation.broker.findOpenTransactions(action.checkpoint),
          (open) => this.dispatch({ type: 'examined', open }),
        );
        break;
      case 'repair':
        this.#repair(action);
        break;
      case 'read-from':
        this.#cursor = action.checkpoint?.position.row ?? 0;
        this.#session.ends = { data: action.checkpoint?.dataEnd ?? 0, dlq: action.checkpoint?.dlqEnd ?? 0 };
        this.#atEnd = false;
        this.#cut = null;
        this.#held = null;
        this.#pump();
        break;
      case 'drain':
        this.#cut = { row: this.#cursor, eof: this.#atEnd };
        this.#held = [];
        this.#drained();
        break;
      case 'send-on': {
        const held = this.#held ?? [];
        this.#held = null;
        for (const rows of held) this.#produce(rows);
        break;
      }
      case 'commit-offsets':
        this.#commitOffsets(action.checkpoint);
        break;
      case 'end-transaction':
        this.#endTransaction(action.checkpoint);
        break;
      case 'report-commit':
        this.#checkReport(action.checkpoint);
        break;
      case 'close':
        this.#generation++;
        break;
      case 'wait':
        simulation.later(action.ms, () => this.dispatch({ type: 'woken' }));
        break;
      case 'finish':
        if (simulation.lease === this.#lease) simulation.finished(action.outcome);
        break;
      case 'exit':
        this.#isDead = true;
        break;
    }
  }

  #pump(): void {
    const generation = this.#generation;
    this.#simulation.later(1 + this.#simulation.random() * 30, () => {
      if (generation !== this.#generation || this.#isDead) return;
      if (this.#cursor === this.#simulation.rows) {
        this.#atEnd = true;
        this.dispatch({ type: 'end-of-file' });
        return;
      }
      const hasRoom = this.#held === null || this.#held.length < MAX_HELD;
      if (hasRoom) this.#read();
      this.dispatch({ type: 'tick' });
      this.#pump();
    });
  }

  #read(): void {
    const simulation = this.#simulation;
    const count = Math.min(1 + Math.floor(simulation.random() * 6), simulation.rows - this.#cursor);
    const batch = Array.from({ length: count }, (_, index) => this.#cursor + index);
    this.#cursor += count;
    if (this.#held === null || simulation.bug === 'send-while-committing') this.#produce(batch);
    else this.#held.push(batch);
  }

  #produce(rows: readonly number[]): void {
    for (const topic of TOPICS) {
      const share = rows.filter((row) => topicOf(row) === topic);
      if (share.length > 0) this.#send(topic, share);
    }
  }

  #send(topic: Topic, rows: readonly number[]): void {
    const simulation = this.#simulation;
    const session = this.#session;
    const { epoch, inspectedEnds } = session;
    const sequence = session.sequences[topic];
    session.sequences[topic] += rows.length;
    session.inFlight++;
    const expected = inspectedEnds.get(topic);
    inspectedEnds.delete(topic);
    this.dispatch({ type: 'sent', bytes: rows.length });
    this.#request(
      () => {
        simulation.broker.enlist(epoch, topic, simulation.now);
        const unreplicated = simulation.chance(simulation.trouble * 0.5);
        return simulation.broker.produce(epoch, topic, sequence, rows, simulation.now, unreplicated);
      },
      (offset) => {
        const isChecked = simulation.bug !== 'ignore-where-the-first-batch-lands';
        if (isChecked && expected !== undefined && offset !== expected) {
          session.broken = true;
          this.dispatch({
            type: 'failed',
            failure: { kind: 'transient', code: 'KAFKA_UNAVAILABLE', detail: 'not where it was inspected' },
          });
          return;
        }
        session.inFlight--;
        session.ends[topic] = Math.max(session.ends[topic], offset + rows.length);
        this.#drained();
      },
    );
  }

  #drained(): void {
    const { bug, rows } = this.#simulation;
    if (this.#cut === null || this.#isDead) return;
    if (this.#session.inFlight > 0 && bug !== 'commit-before-acknowledged') return;
    const { eof, row: cutAt } = this.#cut;
    this.#cut = null;
    const off = bug === 'checkpoint-one-row-early' ? -1 : bug === 'checkpoint-one-row-late' ? 1 : 0;
    const row = eof ? rows : Math.max(0, (bug === 'checkpoint-what-is-held' ? this.#cursor : cutAt) + off);
    const position = { row, line: row, byte: row };
    const { data: dataEnd, dlq: dlqEnd } = this.#session.ends;
    const errors = Array.from({ length: row }, (_, each) => each).filter((each) => topicOf(each) === 'dlq').length;
    const checkpoint = { position, ok: row - errors, errors, dataEnd, dlqEnd, eof, bytesDone: row, size: FILE_SIZE };
    this.#simulation.later(0, () => this.dispatch({ type: 'drained', checkpoint }));
  }

  #commitOffsets(checkpoint: Checkpoint): void {
    const simulation = this.#simulation;
    const { epoch } = this.#session;
    if (simulation.bug === 'report-before-commit') this.#checkReport(checkpoint);
    this.#request(
      () => simulation.broker.commitOffsets(epoch, checkpoint, simulation.now),
      () => this.dispatch({ type: 'offsets-committed' }),
    );
  }

  #repair({ abort, commit }: Extract<Action, { do: 'repair' }>): void {
    const { broker, bug } = this.#simulation;
    const { epoch } = this.#session;
    const both = [...abort, ...commit];
    const toCommit = bug === 'commit-every-hanging-transaction' ? both : commit;
    const toAbort = bug === 'commit-every-hanging-transaction' ? [] : abort;
    this.#request(
      () => {
        if (bug === 'abort-every-hanging-transaction') {
          broker.abortHanging(epoch, both, this.#simulation.now);
          return;
        }
        for (const each of toCommit) broker.commitHanging(epoch, each, this.#simulation.now);
        if (toAbort.length > 0) broker.abortHanging(epoch, toAbort, this.#simulation.now);
      },
      () => this.dispatch({ type: 'repaired' }),
    );
  }

  #endTransaction(checkpoint: Checkpoint): void {
    const simulation = this.#simulation;
    const { epoch } = this.#session;
    const end = () => simulation.broker.endTransaction(epoch, simulation.now);
    const ended = () => {
      if (simulation.bug === 'send-on-before-rows-are-readable') this.dispatch({ type: 'transaction-ended' });
      else this.#awaitReadable(checkpoint, simulation.now + READABLE_WITHIN_MS);
    };
    if (simulation.bug === 'retry-unknown-commit-in-place') {
      const assumed = () => this.dispatch({ type: 'transaction-ended' });
      this.#request(end, ended, () => this.#request(end, assumed, assumed));
    } else this.#request(end, ended);
  }

  #awaitReadable(checkpoint: Checkpoint, deadline: number): void {
    const simulation = this.#simulation;
    this.#request(
      () => simulation.broker.isReadable(checkpoint, simulation.now),
      (isReadable) => {
        if (isReadable) this.dispatch({ type: 'transaction-ended' });
        else if (simulation.now < deadline) this.#awaitReadable(checkpoint, deadline);
        else {
          this.#session.broken = true;
          const failure = { kind: 'transient', code: 'KAFKA_UNAVAILABLE', detail: 'not readable' } as const;
          this.dispatch({ type: 'failed', failure });
        }
      },
    );
  }

  #checkReport(checkpoint: Checkpoint): void {
    const { data, dlq } = this.#simulation.broker.partitions;
    const isOverstated = checkpoint.ok > data.committed().length || checkpoint.errors > dlq.committed().length;
    if (isOverstated) this.#simulation.overstated = checkpoint.position.row;
  }

  /** A request over the session's connection: it and its answer may be late or lost, also after the session is closed. */
  #request<T>(arrive: () => T, answered: (result: T) => void, unanswered?: () => void): void {
    const simulation = this.#simulation;
    const session = this.#session;
    const generation = this.#generation;
    const reconcile = (event: () => void) => {
      if (generation === this.#generation) event();
    };
    const fail = (kind: Refused['kind']) =>
      reconcile(() => {
        session.broken = true;
        const code = CODES[kind];
        if (unanswered !== undefined && kind === 'transient') unanswered();
        else this.dispatch({ type: 'failed', failure: { kind, code, detail: kind } });
      });
    if (simulation.refuses && simulation.chance(simulation.trouble * 0.05)) {
      simulation.refusedUntil = simulation.now + simulation.random() * 2_000;
    }
    if (simulation.chance(simulation.trouble * 0.2)) {
      simulation.outageUntil = simulation.now + simulation.random() * 2_000;
    }
    const isLost =
      session.broken || simulation.now < simulation.outageUntil || simulation.chance(simulation.trouble * 0.3);
    if (isLost) {
      session.broken = true;
      simulation.later(5 + simulation.random() * 200, () => fail('transient'));
      return;
    }
    const isSlow = simulation.chance(simulation.trouble);
    const delay = simulation.random() * (isSlow ? (simulation.chance(0.02) ? 40_000 : 3_000) : 4);
    session.arrival = Math.max(session.arrival, simulation.now + delay);
    const isAnswerLost = simulation.chance(simulation.trouble * 0.4);
    const isRepeated = simulation.chance(simulation.trouble * 0.2);
    simulation.later(session.arrival - simulation.now, () => {
      let result: T;
      try {
        if (simulation.now < simulation.refusedUntil) throw new Refused('fatal');
        result = arrive();
        if (isRepeated) arrive();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        simulation.later(1, () => fail(error.kind));
        return;
      }
      // What was to follow the request may be refused, too, as the look at what a commit made readable.
      const kind = simulation.refuses && simulation.chance(0.2) ? 'fatal' : 'transient';
      if (isAnswerLost) simulation.later(5 + simulation.random() * 300, () => fail(kind));
      else simulation.later(simulation.random() * 3, () => reconcile(() => answered(result)));
    });
    // A client that waits too long gives the connection up; its bytes may still arrive.
    if (isSlow) simulation.later(1_500, () => reconcile(() => session.arrival > simulation.now && fail('transient')));
  }
}

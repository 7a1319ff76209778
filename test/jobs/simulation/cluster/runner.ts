import {
  type Action,
  DEFAULT_LIMITS,
  type Event,
  initialState,
  type State,
  step,
} from '../../../../src/delivery/protocol.js';
import type { Checkpoint } from '../../../../src/kafka/index.js';
import type { Assignment, Outcome } from '../../../../src/runner/index.js';
import type { JobTopics, Session } from './job-topics.js';
import { KafkaAccess, KafkaError } from './kafka-access.js';
import type { Machine } from './machine.js';
import type { PlantedBug } from './planted-bugs.js';

const LEASE_ANSWER_MS = 5_000;
/** More than a transaction holds, so that one is cut as soon as something was sent. */
const MANY_BYTES = 1e9;

/** What a runner asks its pool, and tells it. */
export interface RunnerHost {
  askLease(answer: (current: boolean) => void): void;
  committed(checkpoint: Checkpoint): void;
  finished(outcome: Outcome): void;
  /** The lease is not its own. */
  left(): void;
}

export interface RunnerOptions {
  machine: Machine;
  topics: JobTopics;
  assignment: Assignment;
  host: RunnerHost;
  rows: number;
  /** Milliseconds of work for each transaction, on average. */
  pace: number;
  trouble: () => number;
  /** Whether the job's lease is the runner's by the store. */
  isHolder: () => boolean;
  /** Called when it is about to fence the one before. */
  beforeFence: (machine: Machine) => void;
  bug: PlantedBug | undefined;
}

/** A runner: the delivery protocol over a Kafka that keeps a checkpoint for each job. */
export class SimulatedRunner {
  #state: State;
  #session: Session | undefined;
  #generation = 0;
  #wait = 0;
  #question = 0;
  /** The row from which on the open transaction reads, and how far it has come. */
  #from = 0;
  #cursor = 0;
  readonly #kafka: KafkaAccess;

  constructor(private readonly options: RunnerOptions) {
    const { machine, assignment, trouble } = options;
    this.#kafka = new KafkaAccess(machine, trouble);
    this.#state = initialState(assignment, machine.clock.monotonic(), DEFAULT_LIMITS);
  }

  dispatch(event: Event): void {
    const { machine } = this.options;
    if (!machine.isAlive) return;
    const { state, actions } = step(this.#state, event, machine.clock.monotonic());
    this.#state = state;
    for (const action of actions) this.#perform(action);
  }

  #perform(action: Action): void {
    const { topics, host, machine, assignment } = this.options;
    switch (action.do) {
      case 'ask-lease':
        this.#askLease();
        break;
      case 'fence':
        this.options.beforeFence(machine);
        machine.deliver(() => this.#fence());
        break;
      case 'fetch-checkpoint':
        this.#request(
          () => topics.checkpointOf(assignment.jobId),
          (checkpoint) => ({ type: 'fetched', checkpoint, isStable: true }),
        );
        break;
      case 'inspect': {
        const bounds = (end: number) => ({ start: 0, end, high: end });
        const { dataEnd = 0, dlqEnd = 0 } = action.checkpoint ?? {};
        this.#request(
          () => ({ data: bounds(dataEnd), dlq: bounds(dlqEnd), recordsBeyond: null }),
          (evidence) => ({ type: 'inspected', evidence }),
        );
        break;
      }
      case 'read-from':
        this.#from = action.checkpoint?.position.row ?? 0;
        this.#cursor = this.#from;
        this.#read();
        break;
      case 'drain': {
        const checkpoint = this.#checkpoint();
        const session = this.#open();
        this.#request(
          () => topics.check(session),
          () => ({ type: 'drained', checkpoint }),
        );
        break;
      }
      case 'send-on':
        this.#read();
        break;
      case 'commit-offsets': {
        const session = this.#open();
        this.#request(
          () => topics.check(session),
          () => ({ type: 'offsets-committed' }),
        );
        break;
      }
      case 'end-transaction': {
        const commit = { session: this.#open(), from: this.#from, checkpoint: action.checkpoint };
        this.#request(
          () => topics.commit(commit),
          () => {
            this.#from = action.checkpoint.position.row;
            return { type: 'transaction-ended' };
          },
        );
        break;
      }
      case 'report-commit':
        host.committed(action.checkpoint);
        break;
      case 'close':
        this.#generation++;
        this.#session = undefined;
        break;
      case 'wait': {
        const wait = ++this.#wait;
        machine.clock.schedule(action.ms, () => wait === this.#wait && this.dispatch({ type: 'woken' }));
        break;
      }
      case 'finish':
        host.finished(action.outcome);
        break;
      case 'exit':
        host.left();
        break;
      case 'examine':
      case 'repair':
        throw new Error('nothing hangs here');
    }
  }

  #fence(): void {
    const { topics, assignment, bug, isHolder } = this.options;
    const { jobId } = assignment;
    this.#request(
      () => {
        const epoch = bug === 'skip-the-fence' ? topics.epochOf(jobId) : topics.fence(jobId);
        return { jobId, epoch, wasHolder: isHolder() };
      },
      (session) => {
        this.#session = session;
        return { type: 'fenced' };
      },
    );
  }

  /** As a runner process does: no answer in time is no. */
  #askLease(): void {
    const { machine, host, bug } = this.options;
    if (bug === 'ask-for-the-lease-once' && this.#state.phase === 'leasing-again') {
      this.dispatch({ type: 'lease', current: true });
      return;
    }
    const question = ++this.#question;
    const answered = (current: boolean): void => {
      if (question !== this.#question) return;
      this.#question++;
      this.dispatch({ type: 'lease', current });
    };
    machine.clock.schedule(LEASE_ANSWER_MS, () => answered(false));
    host.askLease(answered);
  }

  /** The next transaction. */
  #read(): void {
    const { machine, rows, pace } = this.options;
    const { world } = machine;
    const generation = this.#generation;
    machine.clock.schedule(world.between(0.2, 1.8) * pace, () => {
      if (generation !== this.#generation) return;
      this.#cursor = Math.min(rows, this.#cursor + 1 + Math.floor(world.random() * 3));
      this.dispatch(this.#cursor === rows ? { type: 'end-of-file' } : { type: 'sent', bytes: MANY_BYTES });
    });
  }

  #checkpoint(): Checkpoint {
    const { rows, assignment } = this.options;
    const row = this.#cursor;
    const eof = row === rows;
    const bytesDone = eof ? assignment.sizeBytes : Math.floor((row / rows) * assignment.sizeBytes);
    const position = { row, line: row, byte: bytesDone };
    return { position, ok: row, errors: 0, dataEnd: row, dlqEnd: 0, eof, bytesDone, size: assignment.sizeBytes };
  }

  #open(): Session {
    if (this.#session === undefined) throw new Error('no session is open');
    return this.#session;
  }

  /** An answer counts only while the session of its request is the open one. */
  #request<T>(arrive: () => T, answered: (result: T) => Event): void {
    const generation = this.#generation;
    const ifOpen = (event: () => Event): void => {
      if (generation === this.#generation) this.dispatch(event());
    };
    this.#kafka.request(arrive).then(
      (result) => ifOpen(() => answered(result)),
      (error: unknown) => {
        if (!(error instanceof KafkaError)) throw error;
        const failure = { kind: error.kind, code: 'KAFKA_UNAVAILABLE', detail: error.kind } as const;
        ifOpen(() => ({ type: 'failed', failure }));
      },
    );
  }
}

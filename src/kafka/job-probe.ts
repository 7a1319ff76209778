import { CachedAnswer } from './cached-answer.js';
import { kafkaProblem } from './kafka-failure.js';
import { atMost } from './timeout.js';

const ANSWER_MS = 1_500;
const FRESH_MS = 30_000;

/** Tells, before a file is sent, whether the brokers would take a job for it. */
export class JobProbe {
  readonly #answer: CachedAnswer;
  #refusal: string | null = null;

  /** `validate`: as `TopicAdmin.validateJob`, for an id of its choice. */
  constructor(validate: () => Promise<void>) {
    this.#answer = new CachedAnswer(async () => {
      await validate();
      this.#refusal = null;
    }, FRESH_MS);
  }

  /** For /readyz: why the last file was refused for good; null: it was not. */
  trouble(): string | null {
    return this.#refusal;
  }

  /**
   * Throws ServiceError KAFKA_REJECTED, KAFKA_UNAVAILABLE or SERVICE_BUSY. A good answer holds for 30 s. One that takes longer
   * than 1.5 s is not waited for, and counts for the next file.
   */
  async check(): Promise<void> {
    try {
      await atMost(ANSWER_MS, this.#answer.get());
    } catch (error) {
      const problem = kafkaProblem(error, 'The brokers would not take a job');
      this.#refusal = problem?.code === 'KAFKA_REJECTED' ? problem.message : null;
      throw problem ?? error;
    }
  }
}

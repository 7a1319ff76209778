import { HeldAnswer } from './held-answer.js';
import { kafkaProblem } from './kafka-failure.js';

const ANSWER_MS = 1_500;
const FRESH_MS = 30_000;

/** Tells, before a file is sent, whether the brokers would take a job for it. */
export class JobProbe {
  readonly #answer: HeldAnswer;
  #refusal: string | null = null;

  /** `validate`: as `TopicAdmin.validateJob`, for an id of its choice. */
  constructor(validate: () => Promise<void>) {
    this.#answer = new HeldAnswer(async () => {
      await validate();
      this.#refusal = null;
    }, FRESH_MS);
  }

  /** For /readyz: why the last file was refused for good; null: it was not. */
  trouble(): string | null {
    return this.#refusal;
  }

  /**
   * Throws BatchError KAFKA_REJECTED, KAFKA_UNAVAILABLE or SERVICE_BUSY. A good answer holds for 30 s. One that takes longer
   * than 1.5 s is not waited for, and counts for the next file.
   */
  async check(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ANSWER_MS);
    });
    const answer = this.#answer.get();
    answer.catch(() => undefined); // it may fail when nobody waits for it any more
    try {
      await Promise.race([answer, enough]);
    } catch (error) {
      const problem = kafkaProblem(error, 'The brokers would not take a job');
      this.#refusal = problem?.code === 'KAFKA_REJECTED' ? problem.message : null;
      throw problem ?? error;
    } finally {
      clearTimeout(timer);
    }
  }
}

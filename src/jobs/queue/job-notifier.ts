/**
 * Tells workers that something has become of a job: it waits for a runner, or is to be cancelled. It promises nothing:
 * wakes may be lost, doubled, late or out of order, and what is true is in the store. Workers look there by themselves,
 * too, so that a notifier that loses every wake only makes jobs slower.
 */
export interface JobNotifier {
  /** Call it when the change is durable. Returns at once, never throws; a no-op once closed. */
  notify(jobId: string): void;
  /** Calls `listener` for each wake from now on, never before `notify` has returned. The listener is quick and never throws. */
  onWake(listener: (jobId: string) => void): void;
  /** Listeners are not called any more. May be called twice. */
  close(): Promise<void>;
}

/** Injects the JobNotifier. */
export const JOB_NOTIFIER = Symbol('JobNotifier');

import { ServiceError } from '../errors/index.js';

/** How many may do the same at a time; nobody waits. */
export class ConcurrencyLimit {
  #inside = 0;

  constructor(
    private readonly most: number,
    /** What to say to one too many. */
    private readonly full: string,
  ) {}

  /** Returns a function that gives the place back, to be called once. Throws SERVICE_BUSY if all are taken. */
  enter(): () => void {
    if (this.#inside >= this.most) throw new ServiceError('SERVICE_BUSY', this.full);
    this.#inside += 1;
    return () => {
      this.#inside -= 1;
    };
  }
}

import { Injectable } from '@nestjs/common';

/** Says in one sentence what is wrong and what to do about it; null: nothing is. Looks at what is known already. */
export type HealthDetail = () => string | null;

export type DegradedParts = Record<string, { status: 'degraded'; message: string }>;

/**
 * What /readyz shows besides the checks of ServiceHealth: whoever watches over a part adds it here, as a detail though
 * uploads go on, or as a need if they do not.
 */
@Injectable()
export class HealthDetails {
  readonly #details = new Map<string, HealthDetail>();
  readonly #needs = new Map<string, HealthDetail>();

  /** `name`: a member of the report's `details`, given once. */
  add(name: string, detail: HealthDetail): void {
    if (this.#details.has(name)) throw new Error(`The health detail ${name} was added twice`);
    this.#details.set(name, detail);
  }

  /** `name`: of a part without which uploads are refused, given once. */
  addNeed(name: string, need: HealthDetail): void {
    if (this.#needs.has(name)) throw new Error(`The health need ${name} was added twice`);
    this.#needs.set(name, need);
  }

  /** Name and message of each part for whose lack uploads are refused. */
  unmet(): [name: string, message: string][] {
    return [...this.#needs].flatMap(([name, need]) => {
      const message = messageOf(need);
      return message === null ? [] : [[name, message]];
    });
  }

  /** All parts, those that are needed among them. */
  states(): { name: string; isDegraded: boolean }[] {
    const names = new Set([...this.#details.keys(), ...this.#needs.keys()]);
    const isWrong = (detail: HealthDetail | undefined): boolean => detail !== undefined && messageOf(detail) !== null;
    return [...names].map((name) => ({
      name,
      isDegraded: isWrong(this.#details.get(name)) || isWrong(this.#needs.get(name)),
    }));
  }

  /** The parts that something is wrong with; a check that fails is one of them. */
  degraded(): DegradedParts {
    const parts: DegradedParts = {};
    for (const [name, detail] of this.#details) {
      const message = messageOf(detail);
      if (message !== null) parts[name] = { status: 'degraded', message };
    }
    return parts;
  }
}

function messageOf(detail: HealthDetail): string | null {
  try {
    return detail();
  } catch (error) {
    return `cannot be told: ${error instanceof Error ? error.message : String(error)}`;
  }
}

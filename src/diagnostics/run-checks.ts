import { withTimeout } from '../kafka/index.js';
import { type Check, type Diagnosis, type Finding, toDiagnosis, unknown } from './finding.js';

const CHECK_MS = 20_000;

/**
 * Runs all checks side by side, each for 20 s at most: one that fails or hangs becomes a finding and changes no other. Never rejects.
 */
export async function runChecks(checks: readonly Check[], checkMs = CHECK_MS): Promise<Diagnosis> {
  return toDiagnosis((await Promise.all(checks.map((check) => run(check, checkMs)))).flat());
}

async function run(check: Check, ms: number): Promise<Finding[]> {
  try {
    return await withTimeout(ms, check.name, check.run());
  } catch (error) {
    return [unknown(check.name, `could not be checked: ${messageOf(error)}`)];
  }
}

/** The text alone: an error's own members may hold an address with a password. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

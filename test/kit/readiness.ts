import { setTimeout as sleep } from 'node:timers/promises';

const WITHIN_MS = 60_000;

/** What GET /readyz answers. */
export type Report = { status: number; body: { details: Record<string, Record<string, unknown>> } };

export async function readiness(url: string): Promise<Report> {
  const answer = await fetch(`${url}/readyz`);
  return { status: answer.status, body: (await answer.json()) as Report['body'] };
}

/** The report as soon as it is so; nothing waits for a look that takes longer than 1.5 s. */
export async function readinessWhen(url: string, holds: (report: Report) => boolean): Promise<Report> {
  for (const deadline = Date.now() + WITHIN_MS; ; await sleep(100)) {
    const report = await readiness(url);
    if (holds(report)) return report;
    if (Date.now() > deadline) throw new Error(`never: ${JSON.stringify(report)}`);
  }
}

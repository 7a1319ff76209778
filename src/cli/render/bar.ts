/**
 * `[####X---] 61%`: `#` what is done, `X` the rejected share of it, `-` what is left. A bar is full, and says 100%,
 * only when nothing is left; rejected rows always show, however few.
 */
export function bar(done: number, total: number, rejectedShare: number, width: number): string {
  const { percent, filled } = progress(done, total, width);
  let rejected = Math.round(filled * rejectedShare);
  if (rejectedShare > 0) rejected = Math.max(rejected, Math.min(1, filled));
  if (rejectedShare < 1) rejected = Math.min(rejected, Math.max(filled - 1, 0));
  return `[${'#'.repeat(filled - rejected)}${'X'.repeat(rejected)}${'-'.repeat(width - filled)}] ${percent}%`;
}

function progress(done: number, total: number, width: number): { percent: number; filled: number } {
  if (total <= 0 || done <= 0) return { percent: 0, filled: 0 };
  if (done >= total) return { percent: 100, filled: width };
  const part = done / total;
  return { percent: Math.floor(part * 100), filled: Math.min(Math.round(part * width), width - 1) };
}

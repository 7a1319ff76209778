/**
 * `[####X---] 61%`: `#` what is done, `X` the rejected share of it, `-` what is left. A bar is full, and says 100%,
 * only when nothing is left; rejected rows always show, however few.
 */
export function bar(done: number, total: number, rejectedShare: number, width: number): string {
  const { percent, filled } = progress(done, total, width);
  const share = Math.round(filled * rejectedShare);
  // If only one cell is filled, the rejected rows are what the user has to see.
  const least = rejectedShare > 0 ? 1 : 0;
  const most = rejectedShare < 1 ? Math.max(filled - 1, least) : filled;
  const rejected = Math.min(Math.max(share, least), most, filled);
  return `[${'#'.repeat(filled - rejected)}${'X'.repeat(rejected)}${'-'.repeat(width - filled)}] ${percent}%`;
}

function progress(done: number, total: number, width: number): { percent: number; filled: number } {
  if (total <= 0 || done <= 0) return { percent: 0, filled: 0 };
  if (done >= total) return { percent: 100, filled: width };
  const part = done / total;
  return { percent: Math.floor(part * 100), filled: Math.min(Math.round(part * width), width - 1) };
}

/** By how many bytes the most memory that this process ever held grows while the work is done. */
export async function peakGrowth(work: () => unknown): Promise<number> {
  const before = process.resourceUsage().maxRSS;
  await work();
  return (process.resourceUsage().maxRSS - before) * 1024;
}

import { isJobId, newJobId } from '../../../src/jobs/domain/job-id.js';

describe('a job id', () => {
  it('is eight characters of a-z and 0-9', () => {
    for (let i = 0; i < 1000; i++) expect(newJobId()).toMatch(/^[a-z0-9]{8}$/);
  });

  it('uses every character about equally often', () => {
    const counts = new Map<string, number>();
    const ids = 20_000;
    for (let i = 0; i < ids; i++)
      for (const character of newJobId()) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect(counts.size).toBe(36);
    // 4444 of each are expected with a deviation of 66; taking bytes modulo 36 would give the first four 5000.
    const expected = (ids * 8) / 36;
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(66 * 6);
  });

  it('is told from other text', () => {
    expect(isJobId('a1b2c3d4')).toBe(true);
    for (const text of ['', 'a1b2c3d', 'a1b2c3d45', 'A1b2c3d4', 'a1b2c3d4\n', '../../..'])
      expect(isJobId(text)).toBe(false);
  });
});

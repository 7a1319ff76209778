import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { residentBytes } from '../../src/runner/resident-memory.js';

const MIB = 1024 ** 2;
const HELD = 200 * MIB;
const SYSTEM = process.platform;

afterEach(() => Object.defineProperty(process, 'platform', { value: SYSTEM }));

describe.each([SYSTEM, 'darwin'] as const)('the resident memory as %s tells it', (system) => {
  beforeEach(() => Object.defineProperty(process, 'platform', { value: system }));

  it('is what a process holds, in bytes', async () => {
    const program = `const held = Buffer.alloc(${HELD}, 1); process.stdout.write('held'); setInterval(() => held, 1e6)`;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      const bytes = await residentBytes(child.pid);
      expect(bytes).toBeGreaterThan(HELD);
      expect(bytes).toBeLessThan(HELD + 200 * MIB);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(await residentBytes(child.pid)).toBe(0);
  });

  it('is 0 for a process that never was', async () => {
    expect(await residentBytes(undefined)).toBe(0);
  });
});

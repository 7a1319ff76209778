import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('packages/sdk/src/api', () => {
  it('is what `npm run generate` makes of the contract', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'batch-types-'));
    try {
      await promisify(execFile)(
        'npx',
        ['openapi-ts', '-f', 'packages/sdk/openapi-ts.config.mjs', '--silent', '--output', folder],
        {
          cwd: root,
        },
      );
      const [expected, committed] = await Promise.all([
        readFile(join(folder, 'types.gen.ts'), 'utf8'),
        readFile(join(root, 'packages/sdk/src/api/types.gen.ts'), 'utf8'),
      ]);
      expect(committed === expected ? 'fresh' : 'stale: run `npm run generate` and commit the result').toBe('fresh');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

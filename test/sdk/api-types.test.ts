import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('packages/sdk/src/api-types.ts', () => {
  it('is what `npm run generate` makes of the contract', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'batch-types-'));
    try {
      const fresh = join(folder, 'api-types.ts');
      const generator = join(root, 'node_modules/openapi-typescript/bin/cli.js');
      await promisify(execFile)(process.execPath, [generator, 'openapi/openapi.yaml', '-o', fresh], { cwd: root });
      const [expected, committed] = await Promise.all([
        readFile(fresh, 'utf8'),
        readFile(join(root, 'packages/sdk/src/api-types.ts'), 'utf8'),
      ]);
      expect(committed === expected ? 'fresh' : 'stale: run `npm run generate` and commit the result').toBe('fresh');
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 30_000);
});

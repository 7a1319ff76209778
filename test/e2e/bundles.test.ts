import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** What most services never use: in a bundle it would be read at every start, and take memory in each runner. */
const LOADED_WHEN_USED = ['@aws-sdk/', '@azure/', '@google-cloud/', 'google-auth-library', 'bullmq'];

describe('the programs of the build', () => {
  it.each(['main.js', 'delivery/main.js', 'sinks/main.js'])('%s has no client of a cloud in it', (program) => {
    const bundle = readFileSync(resolve('dist', program), 'latin1');
    expect(LOADED_WHEN_USED.filter((name) => bundle.includes(`node_modules/${name}`))).toEqual([]);
  });

  it('a runner loads neither an HTTP client nor a reader of YAML at its start', () => {
    const bundle = readFileSync(resolve('dist/delivery/main.js'), 'latin1');
    expect(bundle).not.toMatch(/from *"node:https?"/);
    expect(bundle).not.toContain('node_modules/yaml/');
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the environment are spelled so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bash } from './bash.js';

describe('the settings of sources that a stack was started with', () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch-settings-'));
  const file = join(folder, 'connections.yaml');
  afterAll(() => rmSync(folder, { recursive: true }));
  const settings = (environment: string): string => {
    const { status, out } = bash(['common'], `${environment} source_settings`);
    expect([status, out]).toEqual([0, expect.stringMatching(/^\d+-\d+$/)]);
    return out;
  };

  it('are others if a prefix, the file of connections, what it holds or a variable in it is another one', () => {
    writeFileSync(file, 's3://b:\n  region: ${REGION}\n  secret_access_key: a${KEY}\n');
    const given = `SOURCES=s3://b SOURCE_CONNECTIONS='${file}'`;
    const first = settings(`${given} REGION=r KEY=1`);
    expect(settings(`${given} REGION=r KEY=1`)).toBe(first);
    const others = ['', 'SOURCES=s3://b', `${given} REGION=r`, `${given} REGION=r KEY=2`].map(settings);
    writeFileSync(file, 's3://b:\n  region: ${REGION}\n  secret_access_key: b${KEY}\n');
    others.push(settings(`${given} REGION=r KEY=1`), settings('SOURCE_CONNECTIONS=/no/such/file'));
    expect(new Set([first, ...others]).size).toBe(7);
  });
});

import { spawnSync } from 'node:child_process';

const run = (name: string, option: string) =>
  spawnSync('bash', [`scripts/${name}.sh`, option], { encoding: 'utf8', timeout: 20_000 });

describe.each(['up', 'down', 'demo', 'test', 'test-slow', 'bench', 'build', 'check-workflows'])(
  'scripts/%s.sh',
  (name) => {
    it.each(['--help', '-h'])('says how it is used for %s, and does nothing else', (option) => {
      const { status, stdout, stderr } = run(name, option);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^usage: scripts/${name}\\.sh( \\[--[^\\n]+)?\\n\\n[A-Z][^#]+\\.\\n$`));
    });

    it('refuses an option it does not know', () => {
      const { status, stdout, stderr } = run(name, '--no-such-option');
      expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
      expect(stderr).toMatch(/^usage: /);
    });
  },
);

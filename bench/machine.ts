import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { arch, cpus, loadavg, release, type as systemName, totalmem } from 'node:os';
import { findKcat } from './contenders/kcat.js';

/** What the figures were measured on and with, as Markdown. */
export function describeMachine(rounds: number): string[] {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  return [
    '# Figures',
    '',
    `\`npm run bench\`, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, batch ${version} (${commit()}).`,
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${(totalmem() / 1e9).toFixed(0)} GB, ${systemName()} ${release()} ${arch()},`,
    `the broker on the same machine; load average at the start ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}.`,
    `Node ${process.version}, Apache Kafka ${kafkaVersion()}, Java ${javaVersion()}, kcat ${kcatVersion()}.`,
    '',
    `Medians of ${rounds} interleaved rounds; ratios are medians of those within a round. Before each timed run older`,
    'topics are deleted, the disk is synced, the input is read once, and some GB of memory are touched and freed. MB and GB',
    'are powers of ten, and of CSV.',
  ];
}

/** Throws where fewer bytes than needed are free. */
export function checkDisk(folder: string, needed: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new Error(
    `${folder} has ${gb(free)} free and ${gb(needed)} are needed: set TMPDIR to a larger disk, or --quick`,
  );
}

function commit(): string {
  const [hash, changes] = [git('rev-parse', '--short', 'HEAD'), git('status', '--porcelain', '--', 'src')];
  return changes === '' ? hash : `${hash} and changes`;
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}

function kafkaVersion(): string {
  const names = readdirSync('.cache/kafka/libs').join('\n');
  return /^kafka-clients-(.*)\.jar$/m.exec(names)?.[1] ?? 'unknown';
}

function javaVersion(): string {
  const said = execFileSync('java', ['--version'], { encoding: 'utf8' });
  return /^\S+ (\S+)/.exec(said)?.[1] ?? 'unknown';
}

function kcatVersion(): string {
  const command = findKcat();
  if (command === undefined) return 'not installed';
  const said = execFileSync(command, ['-V'], { encoding: 'utf8' });
  return /Version (\S+)/.exec(said)?.[1] ?? 'unknown';
}

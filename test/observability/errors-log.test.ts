import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { ErrorsLog } from '../../src/observability/index.js';

const LINE = `{"row_number":1,"codes":["${'X'.repeat(70)}"]}\n`;

let folder: string;
let path: string;
let lines: string[];
let counted: Record<string, number>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'batch-errors-log-'));
  path = join(folder, 'errors.jsonl');
  lines = [];
  counted = { written: 0, dropped: 0 };
});
afterEach(() => rmSync(folder, { recursive: true }));

function openLog(options: { maxBytes?: number; files?: number } = {}): ErrorsLog {
  return new ErrorsLog({
    ...{ path, maxBytes: 1_000, files: 3, ...options },
    log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    count: (result, rows) => {
      counted[result] = (counted[result] ?? 0) + rows;
    },
  });
}

describe('the errors log', () => {
  it('goes on in a file that is there, behind a line that was cut', async () => {
    writeFileSync(path, '{"row_number":1}\n{"row_nu');
    const log = openLog();
    log.write('{"row_number":2}\n', 1);
    await log.close();
    expect(readFileSync(path, 'utf8')).toBe('{"row_number":1}\n{"row_nu\n{"row_number":2}\n');
  });

  it('is rotated by size: the newest lines are in the file, older ones in a bounded number of others', async () => {
    const log = openLog();
    for (let i = 0; i < 100; i++) log.write(LINE.replace('1', String(i)), 1);
    await log.close();
    const files = ['errors.jsonl', 'errors.jsonl.1', 'errors.jsonl.2'];
    expect(readdirSync(folder).sort()).toEqual(files);
    for (const name of files) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1_000);
    const text = files.toReversed().map((name) => readFileSync(join(folder, name), 'utf8'));
    const rows = text
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { row_number: number }).row_number);
    expect(rows).toEqual(Array.from({ length: rows.length }, (_, index) => 100 - rows.length + index));
    expect(rows.length).toBeGreaterThan(20);
    expect(counted).toEqual({ written: 100, dropped: 0 });
  });

  it('is one file if it says so', async () => {
    const log = openLog({ files: 1 });
    for (let i = 0; i < 20; i++) log.write(LINE, 1);
    await log.close();
    expect(readdirSync(folder)).toEqual(['errors.jsonl']);
    expect(statSync(path).size).toBeLessThanOrEqual(1_000);
  });

  it('leaves rows out while the disk is full, says so once, and goes on when it has room', async () => {
    symlinkSync('/dev/full', path);
    const log = openLog();
    for (let i = 0; i < 5; i++) log.write(LINE, 2);
    await log.close();
    expect(counted).toEqual({ written: 0, dropped: 10 });
    expect(lines.filter((line) => line.includes('"level":40'))).toHaveLength(1);
    expect(log.trouble()).toContain('ENOSPC');
    rmSync(path);
    for (const deadline = Date.now() + 20_000; counted['written'] === 0; await sleep(50)) {
      log.write(LINE, 2);
      if (Date.now() > deadline) throw new Error('nothing was written');
    }
    await log.close();
    expect([existsSync(path), log.trouble()]).toEqual([true, null]);
  });

  it('holds a bounded number of bytes for a disk that does not come after', async () => {
    const log = openLog({ maxBytes: 1e9 });
    const megabyte = `${'x'.repeat(999_999)}\n`;
    for (let i = 0; i < 20; i++) log.write(megabyte, 3);
    expect(counted['dropped']).toBe(12);
    await log.close();
    expect(counted).toEqual({ written: 48, dropped: 12 });
  });
});

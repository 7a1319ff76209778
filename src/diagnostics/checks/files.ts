import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/index.js';
import type { FileStore } from '../../storage/index.js';
import { type Finding, ok, problem, warning } from '../finding.js';
import { messageOf } from '../run-checks.js';

const GB = 1e9;

/** Whether files can be stored: one is written and removed. */
export async function checkStorage({ storage }: Config, files: Pick<FileStore, 'requireWritable'>): Promise<Finding[]> {
  const place = storage.kind === 'local' ? storage.folder : `s3://${storage.bucket}/${storage.prefix}`;
  try {
    await files.requireWritable();
    return [ok('storage', `files can be written to ${place}`)];
  } catch (error) {
    const fix =
      storage.kind === 'local'
        ? `chown the folder to the user of the service, or set STORAGE_URL: ls -ld ${place}`
        : 'Correct STORAGE_URL, S3_ENDPOINT or the credentials; they need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket.';
    return [problem('storage', `files cannot be written to ${place}: ${messageOf(error)}`, fix)];
  }
}

/** Room on the disks that this process writes to. */
export async function checkDisk({ storage, dataDir, minFreeBytes, role, maxUploadBytes }: Config): Promise<Finding[]> {
  if (role === 'worker') return [];
  const folder = existing(storage.kind === 'local' ? storage.folder : dataDir);
  const { bavail, bsize, blocks } = await statfs(folder);
  const room = bavail * bsize - minFreeBytes;
  const words = `${(Math.max(0, room) / GB).toFixed(1)} GB are free in ${folder} beyond MIN_FREE_BYTES`;
  const fix = `Free some: df -h ${folder}; batch job list --state FAILED names jobs that keep their files. Or lower MIN_FREE_BYTES (${minFreeBytes}).`;
  if (room < 1) return [problem('disk', `uploads are refused: less than MIN_FREE_BYTES is free in ${folder}`, fix)];
  if (room < Math.min(maxUploadBytes, 0.1 * blocks * bsize)) return [warning('disk', words, fix)];
  return [ok('disk', words)];
}

/** The folder, or the nearest above it that is there: before the first start it is not. */
export function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}

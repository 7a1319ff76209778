import { spawnSync } from 'node:child_process';

/** Whether this user may mount a file system that only some processes see. */
export const canMount = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp']).status === 0;

/** The user that servers run as which refuse to be root. */
const NOBODY = 65_534;

/** The beginning of a command, for which `dir` is an empty file system with room for this number of bytes. */
export function onSmallDisk(dir: string, bytes: number): string[] {
  const mount = `mount -t tmpfs -o size=${bytes},mode=0777,uid=${NOBODY},gid=${NOBODY} tmpfs '${dir}'`;
  return ['unshare', '-m', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];
}

import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** Runs its arguments behind the first on a terminal with this number of columns and ends with their exit status. */
const ON_A_TERMINAL = `
import fcntl, os, pty, struct, sys, termios
def read(fd):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
    return os.read(fd, 65536)
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read)))
`;

/** Runs a command on a pseudo-terminal, at which `typed` is typed: what it drew, without control sequences, as one line for each that it ended. */
export function onPseudoTerminal(
  command: string[],
  env: Record<string, string>,
  options: { columns?: number; typed?: string; onText?: (text: string) => void } = {},
): Promise<{ code: number | null; text: string }> {
  const { columns = 120, typed, onText } = options;
  const child = spawn('python3', ['-c', ON_A_TERMINAL, String(columns), ...command], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (typed === undefined) child.stdin.end();
  else child.stdin.write(typed);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    onText?.(stripVTControlCharacters(text));
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, text: stripVTControlCharacters(text).replaceAll('\r\n', '\n') }));
  });
}

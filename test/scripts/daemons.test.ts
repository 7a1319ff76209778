import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bash } from './bash.js';

const LIBRARIES = ['common', 'daemons'];
let runDir: string;
let bystander: ChildProcess;

const isAlive = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;
const startTimeOf = (pid: number | undefined) => bash(LIBRARIES, `start_time ${pid}`).out;

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'batch-run-'));
  bystander = spawn('sleep', ['60']);
});
afterEach(() => {
  bystander.kill('SIGKILL');
  rmSync(runDir, { recursive: true, force: true });
});

describe('stopping a daemon', () => {
  it('leaves a process alone that has the recorded id but another start time', () => {
    writeFileSync(join(runDir, 'service.pid'), `${bystander.pid} ${Number(startTimeOf(bystander.pid)) - 1}\n`);

    const { status, out } = bash(LIBRARIES, 'stop_daemon service 1; echo "$STEP_NOTE"', runDir);

    expect({ status, out }).toEqual({ status: 0, out: 'was not running' });
    expect(isAlive(bystander)).toBe(true);
    expect(existsSync(join(runDir, 'service.pid'))).toBe(false);
  });

  it.each(['', 'nonsense', '1', ' 12'])('does nothing when the record is %j', (record) => {
    writeFileSync(join(runDir, 'service.pid'), record);
    expect(bash(LIBRARIES, 'stop_daemon service 1; echo "$STEP_NOTE"', runDir).out).toBe('was not running');
  });

  it('ends the very process that was recorded', async () => {
    writeFileSync(join(runDir, 'service.pid'), `${bystander.pid} ${startTimeOf(bystander.pid)}\n`);
    const ended = new Promise((resolve) => bystander.once('exit', (_code, signal) => resolve(signal)));

    expect(bash(LIBRARIES, 'stop_daemon service 5; echo "$STEP_NOTE"', runDir).out).toBe('stopped');
    expect(await ended).toBe('SIGTERM');
  });

  it('insists with SIGKILL when SIGTERM is not enough', () => {
    const { out } = bash(
      LIBRARIES,
      `start_daemon stubborn bash -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
       until grep -qs ready "$RUN_DIR/stubborn.log"; do sleep 0.05; done
       pid=$(daemon_pid stubborn)
       stop_daemon stubborn 1; echo "$STEP_NOTE"
       start_time "$pid" || echo gone`,
      runDir,
    );
    expect(out).toBe('killed: it did not stop within 1 s\ngone');
  });
});

describe('a daemon', () => {
  it('outlives the shell that started it, in its own session and without its input', () => {
    bash(LIBRARIES, `start_daemon reader bash -c 'cat; echo "end of input"; exec sleep 60'`, runDir);
    const { out } = bash(
      LIBRARIES,
      `until grep -qs input "$RUN_DIR/reader.log"; do sleep 0.05; done
       pid=$(daemon_pid reader) || echo "not running"
       read -r _ _ _ _ _ session _ <"/proc/$pid/stat"; [ "$session" = "$pid" ] && echo "own session"
       cat "$RUN_DIR/reader.log"
       stop_daemon reader 5`,
      runDir,
    );
    expect(out).toBe('own session\nend of input');
  });

  it('does not hold on to the lock of the script that started it', () => {
    const { out } = bash(
      LIBRARIES,
      `CACHE_DIR=$RUN_DIR
       (hold_lock stack; step Sleeper start_daemon sleeper sleep 60) >/dev/null
       daemon_pid sleeper >/dev/null && flock -n "$RUN_DIR/stack.lock" echo free
       stop_daemon sleeper 5`,
      runDir,
    );
    expect(out).toBe('free');
  });

  it('is known by its start time whatever its program is called', () => {
    const program = join(runDir, 'a) b (c 7');
    cpSync('/bin/sleep', program);
    const child = spawn(program, ['60']);
    try {
      expect(startTimeOf(child.pid)).toMatch(/^\d+$/);
      expect(Number(startTimeOf(child.pid))).toBeGreaterThanOrEqual(Number(startTimeOf(bystander.pid)));
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('down.sh', () => {
  it('stops nothing that up.sh did not start, and says so', () => {
    const project = join(runDir, 'project');
    cpSync('scripts', join(project, 'scripts'), { recursive: true });
    mkdirSync(join(project, '.run'));
    for (const name of ['service', 'broker']) {
      writeFileSync(join(project, '.run', `${name}.pid`), `${bystander.pid} 1\n`);
    }

    const { status, stdout } = spawnSync(join(project, 'scripts/down.sh'), ['--clean'], { encoding: 'utf8' });

    expect(status).toBe(0);
    expect(stdout.match(/was not running/g)).toHaveLength(2);
    expect(isAlive(bystander)).toBe(true);
    expect(existsSync(join(project, '.run'))).toBe(false);
  });
});

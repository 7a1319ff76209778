import { judgeClock } from '../../src/diagnostics/checks/clock.js';
import { type Check, ok, problem, toDiagnosis, unknown, warning } from '../../src/diagnostics/finding.js';
import { diagnosisText, exitCodeOf } from '../../src/diagnostics/index.js';
import { runChecks } from '../../src/diagnostics/run-checks.js';

const GOOD = ok('disk', 'room enough');
const WARNING = warning('queue_policy', 'it may drop', 'CONFIG SET');
const ERROR = problem('store', 'away', 'Start it.');

function check(name: string, run: Check['run']): Check {
  return { name, run };
}

describe('checks', () => {
  it('that fail or hang are unknown, and the others are not touched', async () => {
    const diagnosis = await runChecks(
      [
        check('fails', () => Promise.reject(new Error('no route to host'))),
        check('hangs', () => new Promise(() => undefined)),
        check('disk', async () => [GOOD]),
      ],
      20,
    );
    expect(diagnosis).toEqual({
      status: 'warning',
      findings: [
        unknown('fails', 'could not be checked: no route to host'),
        unknown('hangs', 'could not be checked: hangs: no answer within 20 ms'),
        GOOD,
      ],
    });
  });
});

describe('a diagnosis', () => {
  it.each([
    [[GOOD], 'ok', 0],
    [[GOOD, WARNING], 'warning', 2],
    [[GOOD, unknown('clock', 'not told')], 'warning', 2],
    [[ERROR, WARNING, GOOD], 'error', 1],
  ] as const)('of %j is %s, exit status %i', (findings, status, exitCode) => {
    const diagnosis = toDiagnosis([...findings]);
    expect([diagnosis.status, exitCodeOf(diagnosis)]).toEqual([status, exitCode]);
  });

  it('reads without colours: a mark and a word, and what to do below', () => {
    expect(diagnosisText(toDiagnosis([GOOD, WARNING, unknown('clock', 'not told'), ERROR]))).toBe(
      [
        '✓ ok       disk          room enough',
        '! warning  queue_policy  it may drop',
        '           fix: CONFIG SET',
        '? unknown  clock         not told',
        '✗ error    store         away',
        '           fix: Start it.',
        '',
      ].join('\n'),
    );
  });
});

describe('a clock', () => {
  const BEFORE = 10_000_000;
  const AFTER = BEFORE + 500;

  it.each([
    ['between', BEFORE + 100, 'ok', 'agree'],
    ['59 s before', BEFORE - 59_000, 'ok', 'agree'],
    ['2 min before', BEFORE - 120_000, 'warning', '120 s ahead of'],
    ['2 min behind', AFTER + 120_000, 'warning', '120 s behind'],
    ['an hour behind', AFTER + 3_600_000, 'error', '3600 s behind'],
  ])('that says a time %s is judged', (_, time, status, words) => {
    expect(judgeClock('clock', "a broker's", time, BEFORE, AFTER)).toMatchObject({
      status,
      message: expect.stringContaining(words) as string,
    });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bash } from './bash.js';

let runDir: string;
const wantedBroker = (environment: string) =>
  bash(['common', 'broker'], `within() { return 124; }; ${environment} wanted_broker`, runDir).out;

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'batch-run-'));
});
afterEach(() => rmSync(runDir, { recursive: true, force: true }));

describe('choosing a broker', () => {
  it.each(['KAFKA_BROKERS', 'KAFKA_BOOTSTRAP'])('takes the one in %s', (name) => {
    expect(wantedBroker(`KAFKA_BROKERS= ${name}=kafka.example:9092`)).toBe('given');
  });

  it('brings its own when none is given and docker does not answer', () => {
    expect(wantedBroker('KAFKA_BROKERS= KAFKA_BOOTSTRAP=')).toBe('apache');
  });

  it('knows its own broker again when the address comes back through the environment', () => {
    writeFileSync(join(runDir, 'broker.kind'), 'apache\n');
    writeFileSync(
      join(runDir, 'env'),
      'export BATCH_API_URL=http://127.0.0.1:8000\nexport KAFKA_BROKERS=127.0.0.1:9092\n',
    );
    expect(wantedBroker('KAFKA_BROKERS=127.0.0.1:9092')).toBe('apache');
    expect(wantedBroker('KAFKA_BROKERS=127.0.0.1:9093')).toBe('given');
  });
});

import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

/** What one of Kafka's own command line tools prints: the class of its `main`, and its arguments. */
export async function runKafkaTool(main: string, args: readonly string[]): Promise<string> {
  // It runs for a second: what the JVM's second compiler would win, it costs.
  const flags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
  const { stdout } = await promisify(execFile)('java', [
    ...flags,
    '-cp',
    resolve('.cache/kafka/libs/*'),
    main,
    ...args,
  ]);
  return stdout;
}

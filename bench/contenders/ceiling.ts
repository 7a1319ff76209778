import type { Broker } from '../../test/kit/kafka-broker.js';
import type { Input } from '../inputs.js';
import type { Contender } from '../runs.js';
import { lastLine, runProgram } from './child.js';

/** Prepared batches, sent by our own writer in a separate process: the most that the broker accepts. */
export function ceiling(broker: Broker, input: Input): Contender {
  return {
    name: 'ceiling: ready batches by our writer',
    input,
    async run() {
      const { output } = await runProgram('bench/programs/replay-batches.ts', [broker.brokers, input.path]);
      // Its own figures, which do not include its start.
      return lastLine<{ bytes: number; seconds: number; cpuSeconds: number }>(output);
    },
  };
}

import { createRequire } from 'node:module';
import { kafkaAt } from '../kit/kafka-client.js';

interface Queue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly pending: unknown[];
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  options: object,
) => Queue;

/** One as kafkajs makes for each connection of a client of ours. */
function queue(): Queue {
  kafkaAt('127.0.0.1:1');
  const logger = { debug: () => undefined };
  return new RequestQueue({ logger, maxInFlightRequests: null, requestTimeout: 1, clientId: 'test', broker: 'test' });
}

describe("kafkajs' queues of requests", () => {
  it('are not checked while nothing waits', () => {
    const idle = queue();
    idle.scheduleCheckPendingRequests();
    expect(idle.throttleCheckTimeoutId).toBeNull();
  });

  it.each([
    ['requests wait', (waiting: Queue) => waiting.pending.push({})],
    ['the broker has asked for patience', (waiting: Queue) => (waiting.throttledUntil = Date.now() + 1_000)],
  ])('are checked again while %s', (_what, prepare) => {
    const waiting = queue();
    prepare(waiting);
    waiting.scheduleCheckPendingRequests();
    expect(waiting.throttleCheckTimeoutId).not.toBeNull();
    clearTimeout(waiting.throttleCheckTimeoutId ?? undefined);
  });
});

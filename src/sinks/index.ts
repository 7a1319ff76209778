export { checkSink } from './check-sink.js';
export type { SinkAssignment, SinkOutcome, SinkProgress } from './ipc.js';
export { type SinkLoss, SinkProcess, type SinkProcessEvents } from './sink-process.js';
export type { SinkReject } from './sink-reject.js';

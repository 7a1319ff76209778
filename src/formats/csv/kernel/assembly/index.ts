export { emitBinary } from './binary';
export { emitRows, writeRow } from './emit';
export { fillTable, forget } from './table';

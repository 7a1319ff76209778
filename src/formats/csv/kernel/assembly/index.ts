export { emitRows } from './emit';
export { fillTable, forget } from './table';

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const hasClickHouse = spawnSync(resolve('scripts/clickhouse.sh'), ['available']).status === 0;

/** `describe`, but skipped where ClickHouse's engine is not to be had for the machine. */
export const withClickHouse = hasClickHouse ? describe : describe.skip;

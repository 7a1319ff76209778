#!/usr/bin/env -S node --disable-warning=TimeoutNegativeWarning
// Prints the committed records of a topic, one value a line, as a consumer at read_committed sees them.
//   read-topic.mjs TOPIC [--limit N] [--count] [--keys]
// --count prints only how many there are; --keys puts each record's key and a tab first.
// The broker is KAFKA_BROKERS, by default 127.0.0.1:9092.
import { parseArgs } from 'node:util';
import { committedRecords } from './lib/topic-reader.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { limit: { type: 'string' }, count: { type: 'boolean' }, keys: { type: 'boolean' } },
});
const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : Number(values.limit);
if (positionals.length !== 1 || !(limit >= 0)) {
  console.error('usage: read-topic.mjs TOPIC [--limit N] [--count] [--keys]');
  process.exit(64);
}

const newline = Buffer.from('\n');
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
try {
  let count = 0;
  for await (const { key, value } of committedRecords(process.env.KAFKA_BROKERS || '127.0.0.1:9092', positionals[0])) {
    if (count >= limit) break;
    count += 1;
    if (values.count) continue;
    const line = [value ?? Buffer.from('null'), newline];
    if (values.keys) line.unshift(key ?? Buffer.alloc(0), Buffer.from('\t'));
    if (!process.stdout.write(Buffer.concat(line)))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
  if (values.count) console.log(count);
} catch (error) {
  console.error(`${positionals[0]}: ${error.message}`);
  process.exitCode = 1;
}

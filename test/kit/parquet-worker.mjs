// Reads a Parquet file with the built reader, in a thread that has its own decoder, and says how it ended: the number
// of rows, or the code of the error. Whatever else happens ends the thread with an error.
import { open } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';

const { openParquet } = await import(new URL('../../dist/formats/index.js', import.meta.url).href);
const { compileSchema } = await import(new URL('../../dist/models/schema/index.js', import.meta.url).href);

const { path, maxBytes } = workerData;
let rows = 0;
const count = () => {
  rows += 1;
};
const file = await open(path);
try {
  const { size } = await file.stat();
  const reader = await openParquet({ file, size, ...compileSchema({ type: 'object' }), maxBytes });
  while (await reader.advance({ accept: count, reject: count }));
  reader.close();
  parentPort.postMessage({ rows });
} catch (error) {
  if (typeof error.code !== 'string') throw error;
  parentPort.postMessage({ code: error.code, message: error.message });
} finally {
  await file.close();
}

import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';

/** Below those that systems give to connections and to who asks for any port: nobody else comes by one of these. */
const FIRST = 20_000;
/** A worker of Jest has its own, so that two at once are not given the same. */
const PER_WORKER = 1_500;
const WORKERS = 8;

const first = FIRST + (Number(process.env['JEST_WORKER_ID'] ?? 0) % WORKERS) * PER_WORKER;
let given = Math.floor(Math.random() * PER_WORKER);

/** A loopback port that is free, and that this process is given only once. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PER_WORKER; tried++) {
    given = (given + 1) % PER_WORKER;
    if (await isFree(first + given)) return first + given;
  }
  throw new Error(`No port from ${first} to ${first + PER_WORKER - 1} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** true once something accepts connections at a loopback port; for `OwnedProcess.until`. */
export function listens(port: number): Promise<true | undefined> {
  return new Promise((done) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    const end = (answer: true | undefined): void => {
      socket.destroy();
      done(answer);
    };
    socket.once('connect', () => end(true)).once('error', () => end(undefined));
  });
}

// A TCP balancer before the APIs of this machine. Each new connection goes to the next API whose /readyz is 200. While
// there is none it goes to any that accepts it: clients then get an answer that says what is wrong.
//   balancer.mjs HOST:PORT URL…   until SIGTERM; open connections then have 3 s to end
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const CHECK_MS = 500;
const ANSWER_MS = 2_000;
const CLOSE_MS = 3_000;
const MAX_CONNECTIONS = 1_000;

const [address, ...urls] = process.argv.slice(2);
const [, host, port] = /^(.*):(\d+)$/.exec(address ?? '') ?? [];
if (host === undefined || urls.length === 0) {
  process.stderr.write('usage: balancer.mjs HOST:PORT URL…\n');
  process.exit(64);
}
const apis = urls.map((url) => ({ url: new URL(url), state: 'unknown' }));
let turn = 0;

async function watch(api) {
  for (;;) {
    const state = await stateOf(api);
    if (state !== api.state) console.log(`${api.url.origin} is ${state}`);
    api.state = state;
    await sleep(CHECK_MS);
  }
}

async function stateOf({ url }) {
  try {
    const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(ANSWER_MS) });
    await response.arrayBuffer();
    return response.ok ? 'ready' : 'not ready';
  } catch {
    return 'not reachable';
  }
}

/** All of them, those that are ready before the others, beginning with another one each time. */
function inTurn() {
  turn = (turn + 1) % apis.length;
  const rotated = [...apis.slice(turn), ...apis.slice(0, turn)];
  const isReady = ({ state }) => state === 'ready';
  return [...rotated.filter(isReady), ...rotated.filter((api) => !isReady(api))];
}

/** Connects the client to the first of the APIs that accepts; ends its connection if none does. */
function forward(client, [api, ...others]) {
  if (client.destroyed) return;
  if (api === undefined) {
    client.destroy();
    return;
  }
  const upstream = connect({ host: api.url.hostname.replace(/^\[|\]$/g, ''), port: api.url.port, allowHalfOpen: true });
  let isConnected = false;
  upstream.setTimeout(ANSWER_MS, () => upstream.destroy());
  upstream.once('connect', () => {
    isConnected = true;
    upstream.setTimeout(0);
    client.once('close', () => upstream.destroy());
    if (client.destroyed) upstream.destroy();
    client.pipe(upstream);
    upstream.pipe(client);
  });
  upstream.on('error', () => undefined); // 'close' follows
  upstream.once('close', () => (isConnected ? finish(client) : forward(client, others)));
}

/** What the API has answered still reaches a client that goes on sending, as one whose file is refused. */
function finish(client) {
  client.end();
  client.resume();
  setTimeout(() => client.destroy(), CLOSE_MS).unref();
}

const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, keepAlive: true }, (client) => {
  client.on('error', () => undefined); // 'close' follows
  forward(client, inTurn());
});
server.maxConnections = MAX_CONNECTIONS;
server.listen({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) }, () => console.log(`listening at ${address}`));
for (const api of apis) void watch(api);

process.on('SIGTERM', () => {
  if (!server.listening) return;
  server.close(() => process.exit());
  setTimeout(() => process.exit(), CLOSE_MS).unref();
});

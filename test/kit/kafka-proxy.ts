import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, FrameSplitter, isCommit, type RequestHead, requestHead } from './kafka-frames.js';
import { processConnecting } from './runners.js';

const LAST_ANSWERS_MS = 5_000;

/** One request of one client on its way through the proxy. */
export interface Exchange extends RequestHead {
  /** The process that sent it, which may be gone by now; undefined if it could not be found out. */
  readonly pid: number | undefined;
  readonly frame: Buffer;
}

export interface Answered extends Exchange {
  /** Kafka's error code, where the proxy looks for one. */
  readonly error: number | null;
  /** The whole frame; what `reply` writes into it reaches the client. */
  readonly answer: Buffer;
}

/** `drop`: it goes no further, and the connection stays open. `cut`: both sides of the connection are closed. */
export type Verdict = 'pass' | 'drop' | 'cut';

/**
 * What a test does to the traffic. While a promise is pending, the connection waits in that direction, as it would for
 * a slow network; everything keeps its order. A request that is held is still delivered when its client has died.
 */
export interface Interference {
  request?(exchange: Exchange): Verdict | Promise<Verdict>;
  /** The broker has answered; the client does not know yet. */
  reply?(exchange: Answered): Verdict | Promise<Verdict>;
  /** The client has been sent the answer. */
  delivered?(exchange: Answered): void;
}

/** A TCP proxy before one broker, which must advertise the proxy's address in its own place. */
export class KafkaProxy {
  interference: Interference = {};
  /** Commits that the broker has agreed to. */
  commits = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => void this.#serve(client));
  #port = 0;

  readonly #upstreamPort: number;

  private constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
  }

  /** Listens on the loopback interface, and connects to `upstreamPort` there for each of its clients. */
  static async start(upstreamPort: number): Promise<KafkaProxy> {
    const proxy = new KafkaProxy(upstreamPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(client: Socket): Promise<void> {
    const upstream = connect(this.#upstreamPort, '127.0.0.1');
    const waiting = new Map<number, Exchange>();
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.setNoDelay();
      // Ends the loop that reads from it, too; who resets a connection here is part of the tests.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
    await Promise.all([
      this.#forwardRequests(client, upstream, waiting, cut),
      this.#forwardReplies(upstream, client, waiting, cut),
    ]);
  }

  async #forwardRequests(
    client: Socket,
    upstream: Socket,
    waiting: Map<number, Exchange>,
    cut: () => void,
  ): Promise<void> {
    const pid = processConnecting(client.remotePort ?? 0, client.localPort ?? 0);
    for await (const frame of framesOf(client)) {
      const exchange = { ...requestHead(frame), pid, frame };
      waiting.set(exchange.correlationId, exchange);
      const verdict = (await this.interference.request?.(exchange)) ?? 'pass';
      if (verdict === 'cut') return cut();
      if (verdict === 'pass') await write(upstream, frame);
      else waiting.delete(exchange.correlationId);
    }
    // What a client sent before it died is the broker's to answer; it may drop it when the connection closes.
    for (const deadline = Date.now() + LAST_ANSWERS_MS; waiting.size > 0 && Date.now() < deadline; await sleep(5)) {
      if (upstream.destroyed) break;
    }
    upstream.end();
  }

  async #forwardReplies(
    upstream: Socket,
    client: Socket,
    waiting: Map<number, Exchange>,
    cut: () => void,
  ): Promise<void> {
    for await (const frame of framesOf(upstream)) {
      const exchange = waiting.get(frame.readInt32BE(4));
      if (exchange === undefined) continue; // unheard of in Kafka
      waiting.delete(exchange.correlationId);
      const answered: Answered = { ...exchange, error: errorCode(exchange.api, frame), answer: frame };
      if (answered.api === 'EndTxn' && answered.error === 0 && isCommit(exchange.frame)) this.commits += 1;
      const verdict = (await this.interference.reply?.(answered)) ?? 'pass';
      if (verdict === 'cut') return cut();
      if (verdict !== 'pass') continue;
      await write(client, frame);
      this.interference.delivered?.(answered);
    }
    client.destroy();
  }
}

/** Ends where the socket ends, however it does. */
async function* framesOf(socket: Socket): AsyncGenerator<Buffer> {
  const splitter = new FrameSplitter();
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      splitter.push(chunk);
      for (let frame = splitter.next(); frame !== null; frame = splitter.next()) yield frame;
    }
  } catch {
    // Reset or destroyed: for a proxy this is an end like any other.
  }
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed || socket.writableEnded) return;
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined);
}

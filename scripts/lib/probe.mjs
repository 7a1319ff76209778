// Waits until something answers: exit status 0 as soon as it does, 1 when the time is over or the process has ended.
//   probe.mjs kafka HOST:PORT SECONDS [PID]   a broker that describes its cluster
//   probe.mjs tcp HOST:PORT[,…] SECONDS       anything that accepts a connection at one of the addresses
//   probe.mjs http URL SECONDS [PID]          a 2xx
import { connect } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';

const attempts = {
  async kafka(address) {
    const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 0 } });
    const admin = kafka.admin();
    try {
      await admin.connect();
      return (await admin.describeCluster()).brokers.length > 0;
    } finally {
      await admin.disconnect();
    }
  },
  async tcp(addresses) {
    await Promise.any(addresses.split(',').map(accepts));
    return true;
  },
  async http(url) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  },
};

function accepts(address) {
  const [, host, port] = /^(.*):(\d+)$/.exec(address.trim()) ?? [];
  return new Promise((resolve, reject) => {
    const socket = connect({ host: host?.replace(/^\[|\]$/g, ''), port: Number(port), timeout: 2000 });
    socket.once('connect', () => resolve(socket.destroy()));
    socket.once('error', reject);
    socket.once('timeout', () => reject(socket.destroy()));
  });
}

function runs(pid) {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

const [kind, target, seconds, pid] = process.argv.slice(2);
const deadline = Date.now() + Number(seconds) * 1000;
for (;;) {
  if (await attempts[kind](target).catch(() => false)) process.exit(0);
  if (Date.now() > deadline || (pid && !runs(pid))) process.exit(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
}

// Waits until something answers: exit status 0 as soon as it does, 1 when the time is over or the process has ended. With
// a process id only that process counts, and nobody else who listens at its port.
//   probe.mjs kafka HOST:PORT SECONDS [PID]   a broker that describes its cluster
//   probe.mjs tcp HOST:PORT[,…] SECONDS       anything that accepts a connection at one of the addresses
//   probe.mjs http URL SECONDS [PID]          a 2xx
//   probe.mjs postgres URL SECONDS [PID]      a PostgreSQL that runs statements
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
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
  async postgres(url) {
    const { Client } = await import('pg');
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 2000 });
    client.on('error', () => undefined); // of a connection that breaks later
    try {
      await client.connect();
      return (await client.query('SELECT 1')).rows.length > 0;
    } finally {
      await client.end();
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

/** Whether the process itself listens at the port; true where the system does not tell. */
function listens(pid, port) {
  if (process.platform === 'linux') {
    const sockets = new Set(['tcp', 'tcp6'].flatMap((table) => listeningSockets(`/proc/net/${table}`, port)));
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(linkOf(`/proc/${pid}/fd/${fd}`)));
  }
  const { error, stdout } = spawnSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'], { encoding: 'utf8' });
  return error !== undefined || stdout.split('\n').includes(pid);
}

/** As the links of file descriptors name them. */
function listeningSockets(table, port) {
  const rows = readTable(table).map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([, local, , state, , , , , , inode]) =>
    state === '0A' && Number.parseInt(local.split(':')[1], 16) === port ? [`socket:[${inode}]`] : [],
  );
}

function readTable(path) {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(1, -1);
  } catch {
    return []; // no IPv6
  }
}

function linkOf(path) {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

const [kind, target, seconds, pid] = process.argv.slice(2);
const port = Number(target.includes('://') ? new URL(target).port || 80 : /\d+$/.exec(target)?.[0]);
const isOurs = () => {
  try {
    return !pid || listens(pid, port);
  } catch {
    return false; // it is gone
  }
};
const deadline = Date.now() + Number(seconds) * 1000;
for (;;) {
  if ((await attempts[kind](target).catch(() => false)) && isOurs()) process.exit(0);
  if (Date.now() > deadline || (pid && !runs(pid))) process.exit(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
}

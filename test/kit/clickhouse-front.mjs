/**
 * The HTTP interface of ClickHouse before its engine as a library (chDB), as far as @clickhouse/client uses it:
 *   node clickhouse-front.mjs CHDB_FOLDER DATA_FOLDER PORT
 * FRONT_USER and FRONT_PASSWORD, if set, must be sent. Statements are executed one after another and share one session;
 * settings hold for their statement. Acknowledged rows survive SIGKILL.
 *
 * Faults, for INSERTs only, in the order in which they were asked for: POST /_fault {kind, times = 1, table?, ...}
 *   hold     the body is received, and executed when POST /_release says so, even if the client has gone
 *   drop     executed, but the connection is cut instead of an answer
 *   half     the connection is cut after the first half of the body
 *   answer   {code, name, status = 500}: not executed, answered with this error
 * and for every request: down (503 without a word of ClickHouse). DELETE /_fault forgets all.
 * GET /_state: {held, inserts, faults}: INSERTs that wait, INSERTs that were executed, faults that have not come about.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';

const [engine, folder, port] = process.argv.slice(2);
const { Session } = createRequire(join(engine, 'node_modules/'))('chdb');
const { FRONT_USER: user, FRONT_PASSWORD: password } = process.env;
const spool = join(folder, 'spool');
rmSync(spool, { recursive: true, force: true });
mkdirSync(spool, { recursive: true });
const session = new Session(join(folder, 'data'));

/** Parameters of the URL that are not settings. */
const PARAMETERS = new Set(
  'query,query_id,database,default_format,session_id,session_timeout,session_check,wait_end_of_query,buffer_size,compress,decompress,enable_http_compression,user,password,role,quota_key,send_progress_in_http_headers,http_headers_progress_interval_ms,client_protocol_version'.split(
    ',',
  ),
);
const DECODERS = { gzip: zlib.createGunzip, br: zlib.createBrotliDecompress, zstd: zlib.createZstdDecompress };
const STATUSES = { 60: 404, 81: 404, 62: 400, 27: 400, 117: 400, 497: 403, 516: 403, 252: 503 };
const INSERT = /^\s*insert\s+into\s+([\s\S]*?)\s+format\s+(\w+)\s*;?\s*$/i;
const TABLE = /^\s*insert\s+into\s+(?:\S+\.)?`?(\w+)/i;

let faults = [];
let inserts = 0;
const held = new Set();

let last = Promise.resolve();
/** One statement, with its settings, at a time. */
function serially(work) {
  const done = last.then(work, work);
  last = done.catch(() => undefined);
  return done;
}

http
  .createServer({ requestTimeout: 0, keepAliveTimeout: 10_000 }, (request, response) => {
    const url = new URL(request.url, 'http://front');
    const handled = url.pathname.startsWith('/_') ? control(request, url) : serve(request, response, url);
    handled.then(
      (answer) => answer !== undefined && respond(response, answer),
      (error) => respond(response, failure(error)),
    );
  })
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'));
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => serially(() => undefined).then(() => process.exit(0)));
}

async function control(request, { pathname }) {
  const body = await text(request);
  switch (`${request.method} ${pathname}`) {
    case 'POST /_fault':
      faults.push({ times: 1, ...JSON.parse(body) });
      break;
    case 'DELETE /_fault':
      faults = [];
      break;
    case 'POST /_release':
      for (const release of held) release();
      held.clear();
      await serially(() => undefined);
      break;
    case 'GET /_state':
      return { status: 200, body: JSON.stringify({ held: held.size, inserts, faults: faults.length }) };
    default:
      return { status: 404, body: '' };
  }
  return { status: 200, body: '{}' };
}

/** Gives no answer where the connection was cut. */
async function serve(request, response, url) {
  if (takeFault('down')) return { status: 503, body: 'no server is available' };
  if (url.pathname === '/ping') return { status: 200, body: 'Ok.\n' };
  if (!isAllowed(request, url))
    throw new Error(`Code: 516. DB::Exception: Authentication failed (AUTHENTICATION_FAILED)`);
  const file = join(spool, randomUUID());
  try {
    const decoder = DECODERS[request.headers['content-encoding']];
    const body = decoder === undefined ? request : request.pipe(decoder());
    const query = url.searchParams.get('query');
    if (query === null) return await answer(await text(body), url);
    const table = TABLE.exec(query)?.[1];
    if (table !== undefined && takeFault('half', table)) {
      await received(request, Number(request.headers['content-length'] ?? 2) / 2);
      return cut(response);
    }
    await pipeline(body, createWriteStream(file));
    if ((await stat(file)).size === 0) return await answer(query, url);
    const refusal = takeFault('answer', table);
    if (refusal)
      return failure(new Error(`Code: ${refusal.code}. DB::Exception: ${refusal.name}`), refusal.status ?? 500);
    if (takeFault('hold', table)) await new Promise((resolve) => held.add(resolve));
    const result = await answer(fromFile(query, file, url), url, { hasSettings: true });
    inserts++;
    return takeFault('drop', table) ? cut(response) : result;
  } finally {
    rmSync(file, { force: true });
  }
}

function takeFault(kind, table) {
  const fault = faults.find((each) => each.kind === kind && (each.table === undefined || each.table === table));
  if (fault !== undefined && --fault.times <= 0) faults.splice(faults.indexOf(fault), 1);
  return fault;
}

function isAllowed({ headers }, { searchParams }) {
  if (user === undefined) return true;
  const basic = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
  const given = [
    headers['x-clickhouse-user'] ?? searchParams.get('user'),
    headers['x-clickhouse-key'] ?? searchParams.get('password'),
  ];
  return basic === `${user}:${password}` || given.join(':') === `${user}:${password}`;
}

function received(request, bytes) {
  return new Promise((resolve) => {
    let count = 0;
    request.on('data', (chunk) => {
      count += chunk.length;
      if (count >= bytes) resolve();
    });
    request.on('close', resolve);
  });
}

function cut(response) {
  response.socket?.destroy();
}

/** With its settings in the statement: to SET each and take it back costs more than a small INSERT. */
function fromFile(query, file, url) {
  const [, target, format] = INSERT.exec(query) ?? [];
  if (target === undefined)
    throw new Error('Code: 62. DB::Exception: the front takes INSERT … FORMAT … only (SYNTAX_ERROR)');
  const settings = settingsOf(url).map(([name, value]) => `${name} = ${literal(value)}`);
  const clause = settings.length === 0 ? '' : `SETTINGS ${settings.join(', ')}`;
  return `INSERT INTO ${target} FROM INFILE '${file}' ${clause} FORMAT ${format}`;
}

function settingsOf({ searchParams }) {
  const settings = [...searchParams].filter(([name]) => !PARAMETERS.has(name) && !name.startsWith('param_'));
  if (settings.some(([name]) => !/^\w+$/.test(name))) {
    throw new Error('Code: 115. DB::Exception: Unknown setting (UNKNOWN_SETTING)');
  }
  return settings;
}

async function answer(sql, url, { hasSettings = false } = {}) {
  const { searchParams } = url;
  const settings = hasSettings ? [] : settingsOf(url);
  const params = [...searchParams]
    .filter(([name]) => name.startsWith('param_'))
    .map(([name, value]) => [name.slice(6), value]);
  const format = searchParams.get('default_format') ?? 'TabSeparated';
  return serially(async () => {
    const set = [];
    try {
      await session.queryAsync(`USE ${quoted(searchParams.get('database') ?? 'default')}`);
      for (const [name, value] of settings) {
        await session.queryAsync(`SET ${name} = ${literal(value)}`);
        set.push(name);
      }
      const result =
        params.length === 0
          ? await session.queryAsync(sql, { format })
          : await session.queryBindAsync(sql, Object.fromEntries(params), { format });
      const rows = String(result.rowsRead ?? 0);
      const isInsert = /^\s*insert/i.test(sql);
      return {
        status: 200,
        body: Buffer.from(result.bytes()),
        headers: {
          'x-clickhouse-query-id': searchParams.get('query_id') ?? randomUUID(),
          'x-clickhouse-format': format,
          'x-clickhouse-summary': JSON.stringify({ read_rows: rows, written_rows: isInsert ? rows : '0' }),
        },
      };
    } finally {
      for (const name of set) await session.queryAsync(`SET ${name} = DEFAULT`);
    }
  });
}

function quoted(name) {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function literal(value) {
  return /^-?\d+(\.\d+)?$/.test(value) ? value : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function failure(error, status) {
  const message = error.message.startsWith('Code: ') ? error.message : `Code: 1002. DB::Exception: ${error.message}`;
  const code = Number(/^Code: (\d+)/.exec(message)[1]);
  return {
    status: status ?? STATUSES[code] ?? 500,
    body: message,
    headers: { 'x-clickhouse-exception-code': String(code) },
  };
}

function respond(response, { status, body, headers = {} }) {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'text/plain; charset=UTF-8', ...headers });
  response.end(body);
}

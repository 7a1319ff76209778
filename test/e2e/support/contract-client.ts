import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import {
  answers,
  examplesOf,
  type Json,
  members,
  type Operation,
  operations,
  violations,
} from '../../openapi/document.js';

export interface Question {
  /** In place of {id}. */
  id?: string;
  /** In place of {version}. */
  version?: string;
  /** In place of {name}: `postgres` if it is not given. */
  name?: string;
  query?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  /** Any other value is sent as JSON, FormData as a form. */
  body?: FormData | Buffer | Json;
  /** The body's length, where it is said to be longer than it is: the rest never comes. */
  claim?: number;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: its form has been checked against the contract
  body: any;
}

const PROBLEM = 'application/problem+json';

/** Every operation × status × content type, for problems × code, that the contract lists. */
export function documented(): string[] {
  const withContent = answers.flatMap((content) =>
    content.type === PROBLEM
      ? examplesOf(content).map(({ key }) => `${content.operation.id} ${content.status} ${key}`)
      : [content.where],
  );
  const without = operations.flatMap(({ id, pointer }) =>
    members(`${pointer}/responses`).flatMap(({ key, node }) => (node['content'] === undefined ? [`${id} ${key}`] : [])),
  );
  return [...withContent, ...without];
}

/** Asks a running service, holds each of its answers against the contract, and keeps what kinds of answer there were. */
export class ContractClient {
  /** `seen`: where it notes each kind, in the words of `documented`. */
  constructor(
    private readonly url: string,
    private readonly seen: Set<string>,
    /** Sent unless the question has others. */
    private readonly headers: Record<string, string> = {},
  ) {}

  /** Throws with everything that is wrong with the answer. */
  async ask(operationId: string, question: Question = {}): Promise<Answer> {
    const operation = operations.find(({ id }) => id === operationId);
    if (operation === undefined) throw new Error(`the contract has no operation ${operationId}`);
    const answer = await this.send(operation, question);
    const wrong = this.check(operation, answer);
    if (wrong.length > 0) {
      throw new Error(`${operationId} answered ${answer.status}: ${wrong.join('; ')}\n${answer.text.slice(0, 2000)}`);
    }
    return answer;
  }

  private async send(operation: Operation, question: Question): Promise<Answer> {
    const path = operation.path
      .replace('{id}', encodeURIComponent(question.id ?? ''))
      .replace('{version}', question.version ?? '1')
      .replace('{name}', encodeURIComponent(question.name ?? 'postgres'));
    const url = new URL(this.url + path);
    for (const [name, values] of Object.entries(question.query ?? {})) {
      for (const value of [values].flat()) url.searchParams.append(name, value);
    }
    const { type, bytes } = await encode(question.body);
    const headers = {
      ...(type === null ? {} : { 'content-type': type }),
      ...(bytes === null ? {} : { 'content-length': `${question.claim ?? bytes.length}` }),
      ...this.headers,
      ...question.headers,
    };
    const sent = request(url, { method: operation.method.toUpperCase(), headers, agent: false });
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
    if (question.claim === undefined) sent.end(bytes ?? undefined);
    else sent.write(bytes ?? '');
    const [response] = await answered;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    sent.on('error', () => undefined).destroy();
    const text = Buffer.concat(chunks).toString();
    const body = /[/+]json/.test(response.headers['content-type'] ?? '') ? (JSON.parse(text) as unknown) : text;
    return { status: response.statusCode ?? 0, headers: response.headers, text, body };
  }

  private check(operation: Operation, { status, headers, text, body }: Answer): string[] {
    const response = members(`${operation.pointer}/responses`).find(({ key }) => key === `${status}`);
    if (response === undefined) return ['the status is not documented'];
    const wrong = checkHeaders(response.pointer, headers);
    const type = (headers['content-type'] ?? '').split(';')[0] ?? '';
    const contents = members(`${response.pointer}/content`);
    if (contents.length === 0) {
      this.seen.add(`${operation.id} ${status}`);
      return text === '' ? wrong : [...wrong, 'there is a body'];
    }
    const content = contents.find(({ key }) => key === type);
    if (content === undefined) return [...wrong, `the content type ${type} is not documented`];
    wrong.push(...violations(`${content.pointer}/schema`, body as Json));
    if (type === 'application/x-ndjson') {
      for (const line of text.trimEnd().split('\n')) {
        wrong.push(...violations('/components/schemas/RejectedRow', JSON.parse(line) as Json));
      }
    }
    if (type !== PROBLEM) {
      this.seen.add(`${operation.id} ${status} ${type}`);
      return wrong;
    }
    const {
      error,
      status: told,
      request_id: requestId,
    } = body as { error: string; status: number; request_id: string };
    this.seen.add(`${operation.id} ${status} ${error}`);
    if (told !== status) wrong.push(`the problem says ${told}`);
    if (requestId !== headers['x-request-id']) wrong.push('the problem has another request_id than the header');
    if (!members(`${content.pointer}/examples`).some(({ key }) => key === error)) {
      wrong.push(`the code ${error} is not documented here`);
    }
    return wrong;
  }
}

async function encode(body: Question['body']): Promise<{ type: string | null; bytes: Buffer | null }> {
  if (body === undefined) return { type: null, bytes: null };
  if (Buffer.isBuffer(body)) return { type: null, bytes: body };
  if (!(body instanceof FormData)) return { type: 'application/json', bytes: Buffer.from(JSON.stringify(body)) };
  const form = new Response(body);
  return { type: form.headers.get('content-type'), bytes: Buffer.from(await form.arrayBuffer()) };
}

const SAID_BY_THE_CONTRACT = ['location', 'link', 'retry-after', 'idempotency-replayed'];

function checkHeaders(response: string, headers: IncomingMessage['headers']): string[] {
  const declared = members(`${response}/headers`);
  const wrong = declared.flatMap(({ key, pointer, node }) => {
    const value = headers[key.toLowerCase()];
    if (value === undefined) return node['required'] === true ? [`there is no ${key}`] : [];
    const isNumber = (node['schema'] as Record<string, Json>)['type'] === 'integer';
    return violations(`${pointer}/schema`, isNumber ? Number(value) : String(value)).map((what) => `${key}${what}`);
  });
  const names = declared.map(({ key }) => key.toLowerCase());
  for (const name of SAID_BY_THE_CONTRACT) {
    if (headers[name] !== undefined && !names.includes(name)) wrong.push(`${name} is not documented`);
  }
  if (!/^[\x21-\x7E]{1,128}$/.test(String(headers['x-request-id'] ?? ''))) wrong.push('there is no X-Request-Id');
  return wrong;
}

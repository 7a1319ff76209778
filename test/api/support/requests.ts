import type { TestApp } from './test-app.js';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what came, whatever it is
  body: any;
}

/** A request and its answer, parsed where it is JSON. */
export async function call(server: TestApp, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(server.url + path, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

export async function post(server: TestApp, path: string, body: unknown): Promise<Answer> {
  return call(server, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

export interface Form {
  file?: string | Uint8Array;
  /** null: a part without a file name. */
  filename?: string;
  fields?: [string, string][];
  /** Fields that come after the file. */
  after?: [string, string][];
  query?: string;
  headers?: Record<string, string>;
}

/** POST /jobs with a form of real parts, in the order that is asked for. */
export async function upload(server: TestApp, form: Form): Promise<Answer> {
  const body = new FormData();
  for (const [name, value] of form.fields ?? []) body.append(name, value);
  if (form.file !== undefined) {
    body.append('file', new Blob([form.file as Uint8Array<ArrayBuffer>]), form.filename ?? 'a.csv');
  }
  for (const [name, value] of form.after ?? []) body.append(name, value);
  return call(server, `/jobs${form.query ?? ''}`, { method: 'POST', body, headers: form.headers ?? {} });
}

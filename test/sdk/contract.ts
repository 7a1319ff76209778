import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { Job, Problem } from 'batch-ingest-sdk';
import { parse } from 'yaml';

/** The contract as it is written; tests answer with its own examples. */
export const contract = parse(readFileSync(new URL('../../openapi/openapi.yaml', import.meta.url), 'utf8'));

function example<T>(name: string): T {
  return structuredClone(contract.components.examples[name].value) as T;
}

export const jobPending = () => example<Job>('JobPending');
export const jobRunning = () => example<Job>('JobRunning');
export const jobPartial = () => example<Job>('JobPartialSuccess');
export const jobFailed = () => example<Job>('JobFailed');
export const problem = (code: string) => example<Problem>(code);

export function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

export function answerProblem(response: ServerResponse, code: string, headers: Record<string, string> = {}) {
  const body = problem(code);
  answer(response, body.status, body, { 'content-type': 'application/problem+json', ...headers });
}

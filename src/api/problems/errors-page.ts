import { catalogue, type ErrorCode } from '../../errors/index.js';

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}' +
  'h2{font:600 1.05rem/1.5 ui-monospace,monospace;margin:2rem 0 0}h2 a{color:inherit;text-decoration:none}' +
  'h2:target{background:#fff3bf}p{margin:.25rem 0}.where{color:#57606a}';

/**
 * The page behind the `type` of every problem: each code, where it appears, what it means and what to do.
 * `hasHelp`: it links to the documentation at /help.
 */
export function errorsPage(hasHelp: boolean): string {
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Batch: errors</title>' +
    `<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>${STYLE}</style></head><body>` +
    `<nav><a href="/docs">API</a>${hasHelp ? ' · <a href="/help/">Documentation</a>' : ''}</nav><h1>Errors</h1>` +
    '<p>Every error that the service answers with or that a job can fail with. An answer is an ' +
    '<a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a> problem; <code>error</code> is the code.</p>' +
    (Object.keys(catalogue) as ErrorCode[]).map(section).join('') +
    '</body></html>'
  );
}

function section(code: ErrorCode): string {
  const { status, title, hint, retryable, final } = catalogue[code];
  const where = [
    status === null ? 'In <code>job.error</code>' : `HTTP ${status}`,
    retryable ? 'the same request may succeed later' : null,
    final ? 'a job that failed with it cannot be resumed' : null,
  ].filter((part) => part !== null);
  return (
    `<h2 id="${code}"><a href="#${code}">${code}</a></h2>` +
    `<p class="where">${where.join(' · ')}</p><p>${marked(title)}.</p><p>${marked(hint)}</p>`
  );
}

/** Text of the catalogue as HTML: what stands between backticks is code. */
function marked(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

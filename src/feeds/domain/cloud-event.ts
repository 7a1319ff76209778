import { ServiceError } from '../../errors/index.js';

type Members = Readonly<Record<string, unknown>>;

const MAX_EVENTS = 100;

/**
 * The URIs of the files that CloudEvents tell of, from what S3 (by EventBridge), Google Cloud Storage and Azure Blob Storage put into
 * them, or `{"uri": "…"}`; null: one tells of something else, and so anything may have changed. `body`: an event in structured mode, a
 * batch of them, or the data of one in binary mode. Throws INVALID_REQUEST.
 * See https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md.
 */
export function urisOfEvents(body: unknown, isBinary: boolean): readonly string[] | null {
  const events = isBinary ? [{ data: body }] : Array.isArray(body) ? body : [body];
  if (events.length > MAX_EVENTS) throw invalid(`a batch has at most ${MAX_EVENTS} events`);
  const uris: string[] = [];
  for (const event of events) {
    if (!isMembers(event)) throw invalid('an event must be a JSON object');
    if (!isBinary && (typeof event['specversion'] !== 'string' || typeof event['type'] !== 'string')) {
      throw invalid('an event must have specversion and type, as CloudEvents 1.0 says');
    }
    const uri = uriOf(isMembers(event['data']) ? event['data'] : {});
    if (uri === null) return null;
    uris.push(uri);
  }
  return uris;
}

function uriOf(data: Members): string | null {
  if (typeof data['uri'] === 'string') return data['uri'];
  const { bucket, name, url } = data;
  if (typeof bucket === 'string' && typeof name === 'string') return `gs://${bucket}/${name}`;
  if (typeof url === 'string') return azureUri(url);
  const detail = isMembers(data['detail']) ? data['detail'] : data;
  const [inBucket, object] = [detail['bucket'], detail['object']];
  if (isMembers(inBucket) && isMembers(object) && typeof inBucket['name'] === 'string') {
    return typeof object['key'] === 'string' ? `s3://${inBucket['name']}/${object['key']}` : null;
  }
  return null;
}

/** `https://<account>.blob.core.windows.net/<container>/<name>`. */
function azureUri(text: string): string | null {
  const url = URL.parse(text);
  const account = url?.hostname.split('.')[0];
  if (url === null || !account || !url.hostname.includes('.blob.')) return null;
  try {
    return `az://${account}${decodeURIComponent(url.pathname)}`;
  } catch {
    return null;
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): ServiceError {
  return new ServiceError('INVALID_REQUEST', message);
}

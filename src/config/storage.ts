import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where uploaded files are kept. The AWS SDK finds the credentials for S3. */
export type StorageConfig =
  | { readonly kind: 'local'; readonly folder: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** What all keys begin with: empty, or with a slash at its end. */
      readonly prefix: string;
      /** null: Amazon S3. */
      readonly endpoint: string | null;
      /** null: as the AWS SDK finds it. */
      readonly region: string | null;
      readonly isPathStyle: boolean;
    };

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(?:[A-Za-z0-9!_.*'()-]+\/)*$/;

/** Reads STORAGE_URL, S3_ENDPOINT, S3_PATH_STYLE; adds to `problems` what is wrong with them. */
export function readStorage(
  env: Readonly<Record<string, string | undefined>>,
  dataDir: string,
  problems: string[],
): StorageConfig {
  const url = env['STORAGE_URL']?.trim();
  const spool = { kind: 'local', folder: join(dataDir, 'spool') } as const;
  if (!url) return spool;
  const isPathStyle = readPathStyle(env, problems);
  const endpoint = readEndpoint(env, problems);
  if (url.startsWith('file:') && url.length > 'file:'.length) {
    try {
      const path = url.startsWith('file:/') ? fileURLToPath(url) : url.slice('file:'.length);
      return { kind: 'local', folder: resolve(path) };
    } catch {
      // It is said below what it must be.
    }
  }
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(url) ?? [];
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
  if (!BUCKET.test(bucket) || !PREFIX.test(prefix)) {
    problems.push('STORAGE_URL must be file:<path> or s3://<bucket>/<prefix>, without credentials');
    return spool;
  }
  const region = env['AWS_REGION']?.trim() || (endpoint === null ? null : 'us-east-1');
  return { kind: 's3', bucket, prefix, endpoint, region, isPathStyle: isPathStyle ?? endpoint !== null };
}

function readEndpoint(env: Readonly<Record<string, string | undefined>>, problems: string[]): string | null {
  const text = env['S3_ENDPOINT']?.trim();
  if (!text) return null;
  const url = URL.parse(text);
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (isPlain && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, '');
  problems.push('S3_ENDPOINT must be an http or https URL without credentials');
  return null;
}

/** null: the endpoint decides. */
function readPathStyle(env: Readonly<Record<string, string | undefined>>, problems: string[]): boolean | null {
  const text = env['S3_PATH_STYLE']?.trim();
  if (!text) return null;
  if (text !== 'true' && text !== 'false') {
    problems.push(`S3_PATH_STYLE must be one of true, false, not ${JSON.stringify(text)}`);
  }
  return text === 'true';
}

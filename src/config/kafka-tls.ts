import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** PEM text. Without `ca` the certificate authorities that Node brings count. */
export interface KafkaTls {
  readonly ca?: string;
  /** Client certificate and its key: both or none. */
  readonly cert?: string;
  readonly key?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** KAFKA_SSL, and the files it needs, read now; null: plain TCP. Adds to `problems` what is wrong. */
export function readKafkaTls(env: Environment, problems: string[]): KafkaTls | null {
  const isOn = env['KAFKA_SSL']?.trim().toLowerCase() || 'false';
  if (isOn !== 'true' && isOn !== 'false') {
    problems.push(`KAFKA_SSL must be true or false, not ${JSON.stringify(isOn)}`);
    return null;
  }
  const paths = { ca: 'KAFKA_SSL_CA', cert: 'KAFKA_SSL_CERT', key: 'KAFKA_SSL_KEY' };
  if (isOn === 'false') {
    const idle = Object.values(paths).filter((name) => env[name]?.trim());
    if (idle.length > 0) problems.push(`${idle.join(', ')}: of use only with KAFKA_SSL=true`);
    return null;
  }
  const before = problems.length;
  const tls: { ca?: string; cert?: string; key?: string } = {};
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = env[paths[part]]?.trim();
    if (!path) continue;
    const text = readPem(path, paths[part], problems);
    if (text !== null) tls[part] = text;
  }
  if (problems.length > before) return null;
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    problems.push('KAFKA_SSL_CERT and KAFKA_SSL_KEY are needed together');
  } else if (tls.cert !== undefined) {
    checkKeyPair(tls, problems);
  }
  return Object.freeze(tls);
}

/** The text of a PEM file; null, and a problem, if there is none. */
function readPem(path: string, name: string, problems: string[]): string | null {
  const isKey = name === 'KAFKA_SSL_KEY';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(
      `${name}: the file ${JSON.stringify(path)} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
    return null;
  }
  if (isKey ? /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) : isCertificate(text)) return text;
  problems.push(
    `${name}: the file ${JSON.stringify(path)} holds no ${isKey ? 'private key' : 'certificate'} in PEM format`,
  );
  return null;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem); // of several certificates it reads the first
    return true;
  } catch {
    return false;
  }
}

function checkKeyPair({ cert, key }: KafkaTls, problems: string[]): void {
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    problems.push(`KAFKA_SSL_CERT and KAFKA_SSL_KEY cannot be used: ${(error as Error).message}`);
  }
}

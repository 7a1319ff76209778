import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Paths of PEM files. */
export interface Certificate {
  cert: string;
  key: string;
}

/** A certificate authority of the test's own, by openssl. */
export async function makeAuthority(dir: string, name: string): Promise<Certificate> {
  const made = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
  await openssl('req', '-x509', ...KEY, '-keyout', made.key, '-out', made.cert, '-days', '2', '-subj', `/CN=${name}`);
  return made;
}

/** A certificate of the authority, as a server's or a client's. `names`: whose it is, as OpenSSL's subjectAltName. */
export async function makeCertificate(
  dir: string,
  name: string,
  authority: Certificate,
  names = 'IP:127.0.0.1',
): Promise<Certificate> {
  const made = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
  const request = join(dir, `${name}.csr`);
  const extensions = join(dir, `${name}.ext`);
  await writeFile(extensions, `subjectAltName=${names}\n`);
  await openssl('req', ...KEY, '-keyout', made.key, '-out', request, '-subj', `/CN=${name}`);
  const signed = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-days', '2'];
  await openssl('x509', '-req', '-in', request, ...signed, '-extfile', extensions, '-out', made.cert);
  return made;
}

/** Key and certificate in one file, as Kafka wants them. */
export async function joinPem(path: string, { cert, key }: Certificate): Promise<void> {
  await writeFile(path, `${await readFile(key, 'utf8')}${await readFile(cert, 'utf8')}`);
}

async function openssl(...args: string[]): Promise<void> {
  await promisify(execFile)('openssl', args);
}

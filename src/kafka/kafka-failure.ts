import { createRequire } from 'node:module';
import { BatchError, type ErrorCode } from '../errors/index.js';

const { createErrorFromCode } = createRequire(import.meta.url)('kafkajs/src/protocol/error') as {
  createErrorFromCode(code: number): Error & { type: string };
};

/** kafkajs' own error for a protocol error code, so that our requests and its fail alike. */
export function protocolError(code: number, during: string): Error & { type: string } {
  const error = createErrorFromCode(code);
  error.message = `${during}: ${error.type}: ${error.message}`;
  return error;
}

/** The broker's name for an error (`MESSAGE_TOO_LARGE`), or '' where it is not a protocol error. */
export function errorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const type = (error as { type?: unknown }).type;
  if (typeof type === 'string') return type;
  return errorType((error as { cause?: unknown }).cause);
}

/** The broker refused a batch, or a record of it, for its size: nothing of it was written. */
export function isTooLarge(error: unknown): boolean {
  return ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'].includes(errorType(error));
}

/** The broker did not take our credentials, or not their mechanism: it has said so (see `saslMechanism`). */
export function isAuthenticationFailure(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.name === 'KafkaJSSASLAuthenticationError') return true;
  }
  return ['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM'].includes(errorType(error));
}

/** There is no TLS session: a certificate that is not trusted or for another name, or a listener that speaks no TLS. */
export function isTlsFailure(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    // OpenSSL's and Node's names for it have an underscore (CERT_HAS_EXPIRED, ERR_SSL_…), those of sockets do not.
    if (typeof code === 'string' && (code === 'EPROTO' || (code.includes('_') && !code.startsWith('EAI_'))))
      return true;
  }
  return false;
}

/**
 * What an error of the Kafka path means for the job.
 * - fatal: trying again would fail again.
 * - unauthenticated: the broker refuses our credentials. Fatal once that has lasted: somebody may be changing them.
 * - fenced: a newer producer took over, or the transaction was aborted for its age.
 * - transient: everything else: close, start over from the checkpoint.
 */
export interface KafkaFailure {
  kind: 'fatal' | 'unauthenticated' | 'fenced' | 'transient';
  code: ErrorCode;
  /** For the user and the log: the broker's own error name and message. */
  detail: string;
}

const FATAL = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_TRANSACTION_TIMEOUT',
]);
/** An aborted or taken-over transaction shows in old protocol versions as a wrong epoch, id or transaction state. */
const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_TXN_STATE']);

/** An answer, or the lack of one, that the protocol does not foresee; a new connection may do better. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

/** null where the error comes neither from Kafka nor from the network: it is a defect of ours. Never throws. */
export function classifyFailure(error: unknown): KafkaFailure | null {
  if (!(error instanceof Error)) return null;
  const detail = error.message;
  if (error instanceof BatchError) return { kind: 'fatal', code: error.code, detail };
  if (isAuthenticationFailure(error)) {
    return {
      kind: 'unauthenticated',
      code: 'KAFKA_REJECTED',
      detail: `${errorType(error) || 'SASL_AUTHENTICATION_FAILED'}: ${detail}`,
    };
  }
  const type = errorType(error);
  if (FATAL.has(type) || type.endsWith('_AUTHORIZATION_FAILED')) {
    return { kind: 'fatal', code: 'KAFKA_REJECTED', detail: `${type}: ${detail}` };
  }
  const foreseen =
    error.name.startsWith('KafkaJS') ||
    error instanceof UnexpectedAnswer ||
    (error as NodeJS.ErrnoException).syscall !== undefined;
  if (!foreseen) return null;
  return { kind: FENCED.has(type) ? 'fenced' : 'transient', code: 'KAFKA_UNAVAILABLE', detail };
}

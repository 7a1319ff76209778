import { createRequire } from 'node:module';
import { type ErrorCode, ServiceError } from '../errors/index.js';
import { nameNewerErrors } from './error-codes.js';

nameNewerErrors();

const { createErrorFromCode } = createRequire(import.meta.url)('kafkajs/src/protocol/error') as {
  createErrorFromCode(code: number): Error & { type: string };
};

/** What an answer says of an error besides its code. */
interface Said {
  /** The broker's own words. */
  message?: string | null;
  throttleMs?: number;
}

type ProtocolError = Error & { type: string; throttleMs?: number };

/** kafkajs' own error for a protocol error code, so that our requests and its fail alike. */
export function protocolError(code: number, during: string, said: Said = {}): ProtocolError {
  const error: ProtocolError = createErrorFromCode(code);
  error.message = `${during}: ${error.type}: ${said.message || error.message}`;
  if (said.throttleMs !== undefined) error.throttleMs = said.throttleMs;
  return error;
}

/** The broker's name for an error (`MESSAGE_TOO_LARGE`), or '' if it is not a protocol error. */
export function errorType(error: unknown): string {
  return asProtocolError(error)?.type ?? '';
}

/** The protocol error that an error is, was caused by, or (KafkaJSAggregateError) is the first of. */
function asProtocolError(error: unknown): ProtocolError | null {
  if (typeof error !== 'object' || error === null) return null;
  const { type, cause, errors } = error as { type?: unknown; cause?: unknown; errors?: unknown };
  if (typeof type === 'string') return error as ProtocolError;
  return asProtocolError(cause) ?? (Array.isArray(errors) ? asProtocolError(errors[0]) : null);
}

/** The broker refused a batch, or a record of it, for its size: nothing of it was written. */
export function isTooLarge(error: unknown): boolean {
  return ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'].includes(errorType(error));
}

/** The broker did not take our credentials, or not their mechanism: it has said so (see `saslMechanism`). So may have a token endpoint. */
export function isAuthenticationFailure(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.name === 'KafkaJSSASLAuthenticationError') return true;
  }
  if (tokenFailure(error)?.isRefused) return true;
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
 * - throttled: a quota is used up; the broker has said for how long.
 * - missing: the broker has not heard of the job's topics. Fatal once that has lasted: it may have just started.
 * - fenced: a newer producer took over, or the transaction was aborted for its age.
 * - transient: everything else: close, start over from the checkpoint.
 */
export interface KafkaFailure {
  kind: 'fatal' | 'unauthenticated' | 'throttled' | 'missing' | 'fenced' | 'transient';
  code: ErrorCode;
  /** For the user and the log: the broker's own error name and message. */
  detail: string;
}

/** What is not here is transient: NOT_ENOUGH_REPLICAS, NOT_COORDINATOR, TRANSACTION_ABORTABLE and the like. */
const KINDS: Readonly<Record<string, KafkaFailure['kind']>> = {
  MESSAGE_TOO_LARGE: 'fatal',
  RECORD_LIST_TOO_LARGE: 'fatal',
  INVALID_RECORD: 'fatal',
  INVALID_TIMESTAMP: 'fatal',
  UNSUPPORTED_VERSION: 'fatal',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'fatal',
  INVALID_TOPIC_EXCEPTION: 'fatal',
  INVALID_TRANSACTION_TIMEOUT: 'fatal',
  INVALID_CONFIG: 'fatal',
  POLICY_VIOLATION: 'fatal',
  TOPIC_AUTHORIZATION_FAILED: 'fatal',
  GROUP_AUTHORIZATION_FAILED: 'fatal',
  CLUSTER_AUTHORIZATION_FAILED: 'fatal',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'fatal',
  THROTTLING_QUOTA_EXCEEDED: 'throttled',
  PRODUCER_FENCED: 'fenced',
  // An aborted or taken-over transaction shows in old protocol versions as a wrong epoch, id or transaction state.
  INVALID_PRODUCER_EPOCH: 'fenced',
  INVALID_PRODUCER_ID_MAPPING: 'fenced',
  INVALID_TXN_STATE: 'fenced',
};

const CODES: Readonly<Record<KafkaFailure['kind'], ErrorCode>> = {
  fatal: 'KAFKA_REJECTED',
  unauthenticated: 'KAFKA_REJECTED',
  throttled: 'SERVICE_BUSY',
  missing: 'CHECKPOINT_LOST',
  fenced: 'KAFKA_UNAVAILABLE',
  transient: 'KAFKA_UNAVAILABLE',
};

/** An answer, or the lack of one, that the protocol does not foresee; a new connection may do better. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

/** The broker that was asked does not know the topics of a job. */
export class TopicsMissing extends Error {
  override readonly name = 'TopicsMissing';
}

/** There is no token to authenticate with. The message says where it was to come from, and no secret. */
export class TokenFailure extends UnexpectedAnswer {
  /** The credentials, or the token, were refused: trying again helps only if somebody changes them. */
  readonly isRefused: boolean;

  constructor(message: string, { isRefused = false, cause }: { isRefused?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.isRefused = isRefused;
  }
}

/** The TokenFailure that an error is, or was caused by. */
export function tokenFailure(error: unknown): TokenFailure | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof TokenFailure) return at;
  }
  return null;
}

/** null if the error comes neither from Kafka nor from the network: it is a bug. Never throws. */
export function classifyFailure(error: unknown): KafkaFailure | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof ServiceError) return { kind: 'fatal', code: error.code, detail: error.message };
  if (error instanceof TopicsMissing) return { kind: 'missing', code: CODES.missing, detail: error.message };
  const isForeseen =
    error.name.startsWith('KafkaJS') ||
    error instanceof UnexpectedAnswer ||
    (error as NodeJS.ErrnoException).syscall !== undefined;
  const isRefused = isAuthenticationFailure(error);
  const kind = isRefused ? 'unauthenticated' : (KINDS[errorType(error)] ?? 'transient');
  if (kind === 'transient' && !isForeseen) return null;
  return {
    kind,
    code: CODES[kind],
    detail: describe(error, isRefused && !tokenFailure(error) ? 'SASL_AUTHENTICATION_FAILED' : ''),
  };
}

/** What to say of any error: for one of Kafka's, the broker's own error name and message. */
export function failureDetail(error: unknown): string {
  return classifyFailure(error)?.detail ?? (error instanceof Error ? error.message : String(error));
}

/** What the broker's message does not say of an error. */
const ADVICE: Readonly<Record<string, string>> = {
  INVALID_TIMESTAMP:
    "the service's clock and the broker's differ by more than the topic allows (message.timestamp.after.max.ms and before.max.ms): set them right",
};

/** The broker's name for the error, or else `name`, and its message. */
function describe(error: Error, name: string): string {
  const { type = name, message } = asProtocolError(error) ?? { message: error.message };
  const advice = ADVICE[type] === undefined ? '' : `; ${ADVICE[type]}`;
  return (type === '' || message.includes(type) ? message : `${type}: ${message}`) + advice;
}

/**
 * What a request ends with that failed on Kafka: KAFKA_REJECTED, KAFKA_UNAVAILABLE, or SERVICE_BUSY with the time that the
 * broker asks for; null: it is a defect of ours. `what`: the beginning of a sentence, such as "The topics could not be
 * created".
 */
export function kafkaProblem(error: unknown, what: string): ServiceError | null {
  if (error instanceof ServiceError) return error;
  const failure = classifyFailure(error);
  if (failure === null) return null;
  // Who changes the credentials is soon done: it is the request that can be repeated.
  const code = failure.kind === 'unauthenticated' ? 'KAFKA_UNAVAILABLE' : failure.code;
  const throttleMs = failure.kind === 'throttled' ? (asProtocolError(error)?.throttleMs ?? 0) : 0;
  const retryAfter = throttleMs > 0 ? { retryAfterS: Math.ceil(throttleMs / 1000) } : {};
  return new ServiceError(code, `${what}: ${failure.detail}`, { cause: error, ...retryAfter });
}

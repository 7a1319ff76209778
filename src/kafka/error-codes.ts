import { createRequire } from 'node:module';

interface ErrorCode {
  type: string;
  code: number;
  retriable: boolean;
  message: string;
}

/** Those that came after kafkajs and that answers to the requests of this service can carry. */
const NEWER: readonly ErrorCode[] = [
  { type: 'THROTTLING_QUOTA_EXCEEDED', code: 89, retriable: true, message: 'The throttling quota has been exceeded' },
  {
    type: 'PRODUCER_FENCED',
    code: 90,
    retriable: false,
    message: 'There is a newer producer with the same transactionalId',
  },
  {
    type: 'TRANSACTIONAL_ID_NOT_FOUND',
    code: 105,
    retriable: false,
    message: 'The transactionalId could not be found',
  },
  { type: 'TRANSACTION_ABORTABLE', code: 120, retriable: false, message: 'The transaction must be aborted' },
];

/** kafkajs 2.2.4 knows no error code above 88, and calls them all by one name. Throws if kafkajs has changed. */
export function nameNewerErrors(): void {
  const { errorCodes } = createRequire(import.meta.url)('kafkajs/src/protocol/error') as { errorCodes: ErrorCode[] };
  if (!Array.isArray(errorCodes)) throw new Error('kafkajs has no list of error codes: see error-codes.ts');
  const known = new Set(errorCodes.map(({ code }) => code));
  errorCodes.push(...NEWER.filter(({ code }) => !known.has(code)));
}

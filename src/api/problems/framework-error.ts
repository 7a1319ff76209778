import { ServiceError } from '../../errors/index.js';

/** What identifies an error that Nest or Fastify raised itself. */
interface FrameworkError {
  status: number;
  code: string | null;
  message: string;
}

/**
 * Errors that the framework raises before our code runs (unknown route, malformed URL, bad content type), said in the
 * catalogue's words. Anything else comes back as it is.
 * `allowed`: the methods that the path accepts, empty if there is no such path.
 */
export function fromFramework(
  error: unknown,
  request: { method: string; path: string },
  allowed: readonly string[],
): unknown {
  if (error instanceof ServiceError) return error;
  const raised = frameworkError(error);
  if (raised === null) return error;
  // Whatever else is wrong with it: Fastify misses the Content-Type of a QUERY before it looks for the route.
  if (
    raised.status < 500 &&
    allowed.length > 0 &&
    !allowed.includes(request.method === 'HEAD' ? 'GET' : request.method)
  ) {
    return new ServiceError('METHOD_NOT_ALLOWED', `${request.path} takes ${allowed.join(', ')}, not ${request.method}`);
  }
  // Also if a path with a wildcard accepts the method: it may have nothing under this name.
  if (raised.status === 404) return new ServiceError('NOT_FOUND', `There is no path ${request.path}`);
  if (raised.status === 415) {
    return new ServiceError('UNSUPPORTED_MEDIA_TYPE', 'The Content-Type header cannot be understood');
  }
  if (raised.status === 503) return new ServiceError('SERVICE_BUSY', 'The service cannot answer this now');
  if (raised.status < 500) return new ServiceError('INVALID_REQUEST', raised.message, { cause: error });
  return error;
}

function frameworkError(error: unknown): FrameworkError | null {
  if (!(error instanceof Error)) return null;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  if ('getStatus' in error && typeof error.getStatus === 'function') {
    return { status: Number(error.getStatus()), code, message: error.message };
  }
  if ('statusCode' in error && typeof error.statusCode === 'number' && code?.startsWith('FST_')) {
    return { status: error.statusCode, code, message: error.message };
  }
  return null;
}

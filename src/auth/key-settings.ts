import { ServiceError } from '../errors/index.js';
import { SCOPES, type Scope } from './access.js';
import type { ApiKeySettings } from './api-key-store.js';

/** How keys are spelled when they are asked for: in POST /keys (openapi: KeyCreate), and on the command line of the service. */
const MEMBERS = ['name', 'scope', 'models', 'expires_at'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/;
const MODEL_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const MAX_MODELS = 100;

/** `now`: in ms since the epoch. Throws INVALID_REQUEST. */
export function parseKeySettings(given: unknown, now: number): Omit<ApiKeySettings, 'createdBy'> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('the key must be an object');
  const unknown = Object.keys(given).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw invalid(`there is no ${unknown.slice(0, 63)}`);
  const { name, scope, models = null, expires_at: expiresAt = null } = given as Record<string, unknown>;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalid('name must be 1 to 63 letters, digits, ., _, @ or -, beginning with a letter or digit');
  }
  if (!SCOPES.some((known) => known === scope)) throw invalid(`scope must be one of ${SCOPES.join(', ')}`);
  if (models !== null && !areModels(models)) {
    throw invalid(`models must be null, or a list of 1 to ${MAX_MODELS} different ids of models`);
  }
  // It could create one that is not.
  if (models !== null && scope === 'admin') throw invalid('models: a key of the scope admin is for all of them');
  return { name, scope: scope as Scope, models, expiresAt: parseTime(expiresAt, now) };
}

function areModels(models: unknown): models is string[] {
  return (
    Array.isArray(models) &&
    models.length > 0 &&
    models.length <= MAX_MODELS &&
    new Set(models).size === models.length &&
    models.every((id) => typeof id === 'string' && MODEL_ID.test(id))
  );
}

function parseTime(given: unknown, now: number): string | null {
  if (given === null) return null;
  const ms = typeof given === 'string' && TIME.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(ms)) throw invalid('expires_at must be null, or a time such as 2027-01-31T00:00:00Z');
  if (ms <= now) throw invalid('expires_at has passed already');
  return new Date(ms).toISOString();
}

function invalid(message: string): ServiceError {
  return new ServiceError('INVALID_REQUEST', message);
}

import { ServiceError } from '../errors/index.js';

/** What keys are for; each may do what those before it may. */
export const SCOPES = ['read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who makes a request, and what it may do. */
export class Access {
  constructor(
    /** null: there are no keys (AUTH=none). */
    readonly key: { readonly id: string; readonly name: string } | null,
    readonly scope: Scope,
    /** The only models that it may see and use, with their jobs and feeds; null: all. */
    readonly models: readonly string[] | null,
  ) {}

  /** Throws FORBIDDEN unless the key's scope is this one or more. */
  requireScope(scope: Scope): void {
    if (SCOPES.indexOf(this.scope) >= SCOPES.indexOf(scope)) return;
    throw new ServiceError('FORBIDDEN', `The key '${this.key?.name}' has the scope ${this.scope}; this takes ${scope}`);
  }

  mayUse(modelId: string): boolean {
    return this.models === null || this.models.includes(modelId);
  }

  /** Throws FORBIDDEN for a model that the key is not for, whether there is one or not. */
  requireModel(modelId: string): void {
    if (this.mayUse(modelId)) return;
    throw new ServiceError('FORBIDDEN', `The key '${this.key?.name}' is not for the model '${modelId.slice(0, 63)}'`);
  }

  /** Throws FORBIDDEN if the key is for some models only. `what`: what tells of all of them. */
  requireAllModels(what: string): void {
    if (this.models === null) return;
    throw new ServiceError('FORBIDDEN', `The key '${this.key?.name}' is for some models only, and ${what}`);
  }
}

/** Everybody, if nobody has to show a key. */
export const ANYBODY = new Access(null, 'admin', null);

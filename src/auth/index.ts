export { Access, ANYBODY, type Scope } from './access.js';
export { ApiKeyStore } from './api-key-store.js';
export { type ApiKey, ApiKeys } from './api-keys.js';
export { AuthModule } from './auth.module.js';
export { Authenticator } from './authenticator.js';
export { accessOf, CurrentAccess } from './current-access.js';

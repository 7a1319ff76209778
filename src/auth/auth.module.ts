import { Global, Module } from '@nestjs/common';
import { DATABASE, type Database } from '../database/index.js';
import { ApiKeyStore } from './api-key-store.js';
import { ApiKeys } from './api-keys.js';
import { Authenticator } from './authenticator.js';

/** The API keys in the database, and who has one. */
@Global()
@Module({
  providers: [
    { provide: ApiKeyStore, inject: [DATABASE], useFactory: (db: Database) => new ApiKeyStore(db) },
    { provide: ApiKeys, inject: [ApiKeyStore], useFactory: (store: ApiKeyStore) => new ApiKeys(store) },
    { provide: Authenticator, inject: [ApiKeyStore], useFactory: (store: ApiKeyStore) => new Authenticator(store) },
  ],
  exports: [ApiKeyStore, ApiKeys, Authenticator],
})
export class AuthModule {}

import { Module } from '@nestjs/common';
import { DATABASE, type Database } from '../database/index.js';
import { ModelService } from './model-service.js';
import { ModelStore } from './model-store.js';
import { ModelsController } from './models.controller.js';

/** The models in the database. */
@Module({
  providers: [
    { provide: ModelStore, inject: [DATABASE], useFactory: (db: Database) => new ModelStore(db) },
    { provide: ModelService, inject: [ModelStore], useFactory: (store: ModelStore) => new ModelService(store) },
  ],
  exports: [ModelStore, ModelService],
})
export class ModelsModule {}

/** What users ask of models. */
@Module({ imports: [ModelsModule], controllers: [ModelsController] })
export class ModelsApiModule {}

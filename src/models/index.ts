export { ModelService } from './model-service.js';
export { type ModelRecord, ModelStore, type NewModelVersion } from './model-store.js';
export { ModelsApiModule, ModelsModule } from './models.module.js';

export { type ModelRecord, ModelStore, type NewModelVersion } from './model-store.js';

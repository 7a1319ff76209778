export { type Adjusted, adjustRestored } from './adjust-restored.js';
export { BackupModule } from './backup.module.js';

export { existing } from './checks/files.js';
export { type Diagnosed, diagnose } from './diagnose.js';
export { diagnosisText, exitCodeOf } from './diagnosis-text.js';
export { DiagnosticsModule } from './diagnostics.module.js';
export { type Diagnosis, problem, toDiagnosis } from './finding.js';

export { HealthModule } from './health.module.js';
export { HealthDetails } from './health-details.js';

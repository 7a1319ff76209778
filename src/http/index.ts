export { HttpAgent, HttpsAgent } from './agents.js';

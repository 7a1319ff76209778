import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export default {
  input: path('../../openapi/openapi.yaml'),
  output: { path: path('src/api'), entryFile: false },
  plugins: ['@hey-api/typescript'],
  logs: { file: false },
};

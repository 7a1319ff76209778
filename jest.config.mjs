/** @type {import('jest').Config} */
const shared = {
  cacheDirectory: '<rootDir>/.cache/jest',
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/test/kit/property-seed.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^batch-ingest-sdk$': '<rootDir>/packages/sdk/src/index.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        configFile: false,
        swcrc: false,
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
export default {
  coverageProvider: 'v8',
  // Generous: a test that waits for something bounds the wait itself.
  testTimeout: 180_000,
  // What a file leaves in memory is never freed: in a process of 2 GB the collector takes longer than the tests.
  workerIdleMemoryLimit: '400MB',
  testSequencer: '<rootDir>/test/kit/longest-first.mjs',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/e2e/', '<rootDir>/test/slow/'],
      globalSetup: '<rootDir>/test/kit/build-kernel.mjs',
    },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      globalSetup: '<rootDir>/test/e2e/global-setup.mjs',
      globalTeardown: '<rootDir>/test/e2e/global-teardown.mjs',
    },
    {
      // End-to-end tests that take minutes each: not in scripts/test.sh.
      ...shared,
      displayName: 'slow',
      testMatch: ['<rootDir>/test/slow/**/*.test.ts'],
    },
  ],
};

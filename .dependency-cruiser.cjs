// Which part may import which. Run by `npm run boundaries`; the reasons stand with each rule.

const FOLDER = '^src/([^/]+)/';
const FACES = [
  '^src/[^/]+/index\\.ts$',
  '^src/models/schema/index\\.ts$',
  '^src/api/(health|keys|metrics)/index\\.ts$',
  // Programs that serve no metrics do not load prom-client, and those that make no spans nothing of them.
  '^src/observability/(metrics|tracing)/index\\.ts$',
  // What is there before the other modules are.
  '^src/database/sqlite/index\\.ts$',
];
const WEB = '(^|/)node_modules/(@nestjs|@fastify|fastify|nestjs-pino|pino-http|multer|class-validator)(/|$)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'only-the-public-face',
      comment: "A folder's index.ts says what the others may use; everything else in it can change freely.",
      severity: 'error',
      from: { path: FOLDER },
      to: { path: FOLDER, pathNot: ['^src/$1/', ...FACES] },
    },
    {
      name: 'only-the-public-face-at-the-top',
      comment: 'The same for the files that compose the application.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: FOLDER, pathNot: FACES },
    },
    {
      name: 'only-the-public-face-of-schemas',
      comment: 'models/schema is a module: other folders import only its index.ts.',
      severity: 'error',
      from: { path: '^src/models/', pathNot: '^src/models/schema/' },
      to: { path: '^src/models/schema/', pathNot: FACES },
    },
    {
      name: 'nobody-imports-an-entry',
      comment: 'Entries start things when they are loaded. The CLI is one: what it shares belongs to the SDK.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: {
        path: '^src/(cli/|main\\.ts$|(delivery|inference|sinks)/main\\.ts$|(storage/(local/hash|s3/part-hash)-worker|delivery/file-worker|database/sqlite/worker)\\.ts$)',
      },
    },
    {
      name: 'cli-over-the-sdk',
      comment: 'Whatever the CLI can do, a program can do with the SDK.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^(src|packages)/', pathNot: ['^src/cli/', '^packages/sdk/src/index\\.ts$'] },
    },
    {
      name: 'sdk-stands-alone',
      comment: 'Clients install the SDK without the service, and nothing else with it.',
      severity: 'error',
      from: { path: '^packages/sdk/' },
      to: { path: ['^src/', '(^|/)node_modules/'] },
    },
    {
      name: 'browsers-have-no-node',
      comment: 'What browsers load uses what they have: no module of Node.js.',
      severity: 'error',
      from: { path: '^packages/sdk/src/browser\\.ts$' },
      // The names of Node's modules, with or without its prefix: no file's name is without an ending.
      to: { path: '^(node:)?[a-z_0-9/]+$', reachable: true },
    },
    {
      name: 'plain-parts',
      comment:
        'They know nothing of Nest, HTTP or the stores: a runner loads them alone, and their tests need none of it.',
      severity: 'error',
      from: { path: '^src/(decoding|delivery|formats|ingest|kafka|reading|sinks)/' },
      to: {
        path: [
          WEB,
          '(^|/)node_modules/kysely/',
          '^(node:)?(http|https|http2|sqlite)$',
          '^src/(api|database|inference|jobs|upload|models/(?!schema/))',
        ],
      },
    },
    {
      name: 'runner-loads-no-nest',
      comment: 'A runner starts in a fraction of the time and memory without it.',
      severity: 'error',
      from: { path: '^src/(delivery|inference|sinks)/main\\.ts$' },
      to: { path: WEB, reachable: true },
    },
    {
      name: 'service-loads-no-parser',
      comment: 'A hostile file must not reach the process that answers HTTP; and parsers take memory.',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/formats/index\\.ts$', reachable: true },
    },
    {
      name: 'clients-on-demand',
      comment: 'They take megabytes and time to load: only who uses the mechanism pays for it.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: 'aws-msk-iam-sasl-signer-js|@aws-sdk/|@azure/|@google-cloud/|google-auth-library|node_modules/(bullmq|ioredis)/',
        dynamic: false,
        dependencyTypesNot: ['type-only', 'type-import'],
      },
    },
    {
      name: 'sinks-on-demand',
      comment: 'The process of a sink loads the client of its own database, and no other.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/sinks/(clickhouse|postgres)/' },
      to: {
        path: '^src/sinks/(clickhouse|postgres)/|node_modules/@clickhouse/',
        dynamic: false,
        dependencyTypesNot: ['type-only', 'type-import'],
      },
    },
    {
      name: 'no-cycles',
      comment: 'Modules that need each other are one module, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-cycles-of-folders',
      comment: 'Each folder of src can be understood, tested and replaced without those that use it.',
      severity: 'error',
      scope: 'folder',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-development-packages',
      comment: 'What runs in production is under dependencies.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere hides from every rule above.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};

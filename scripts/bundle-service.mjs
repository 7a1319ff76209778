// Bundles each program of the service, as compiled in dist, into one file in its place: node scripts/bundle-service.mjs.
// Half of the time until the service listens goes into finding, reading and linking 2,000 small modules.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const PROGRAMS = [
  'main.js',
  'delivery/main.js',
  'delivery/file-worker.js',
  'inference/main.js',
  'sinks/main.js',
  'storage/local/hash-worker.js',
  'storage/s3/part-hash-worker.js',
  'database/sqlite/worker.js',
];
/** Loaded from node_modules as before: what is changed when it is loaded, has files of its own, or need not be there. */
const EXTERNAL = [
  ...[
    'kafkajs',
    'parquet-wasm',
    '@node-rs/crc32',
    'aws-msk-iam-sasl-signer-js',
    '@aws-sdk/client-s3',
    '@azure/identity',
    '@azure/storage-blob',
    '@google-cloud/storage',
    'google-auth-library',
    'bullmq',
    'ioredis',
    '@opentelemetry',
    'pino',
    'swagger-ui-dist',
  ],
  // Packages that Nest looks for and that are not installed.
  ...['@nestjs/websockets', '@nestjs/microservices', '@nestjs/platform-express', '@fastify/multipart', '@fastify/view'],
  ...['point-of-view', 'class-transformer/storage'],
];

/** The place of a module is where it was, not where the bundle is. */
const ownPlaces = (outdir) => ({
  name: 'own-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      if (!path.startsWith(dist + sep)) return undefined;
      const place = JSON.stringify(`./${relative(outdir, path)}`);
      const contents = await readFile(path, 'utf8');
      return { contents: contents.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`) };
    });
  },
});

const LATE = ['sources', 'http'].map((folder) => join(dist, folder) + sep);
/**
 * What a bundle imports of Node is loaded when it starts, whoever asks for it: 4 MB for an HTTP client in each runner. Here it is
 * loaded with the source, or the storage, that needs it.
 */
const lateClients = {
  name: 'late-clients',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:https?$/ }, ({ path, importer, kind }) =>
      kind === 'import-statement' && LATE.some((folder) => importer.startsWith(folder))
        ? { path, namespace: 'late' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

/** As strings and regular expressions may spell it; nothing else but comments has such letters. */
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

for (const program of PROGRAMS) {
  const file = join(dist, program);
  await build({
    absWorkingDir: root,
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Nest logs by the names of its classes. In a runner, functions that are made in hot loops would each be named anew.
    keepNames: program === 'main.js',
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: 'eof',
    logLevel: 'warning',
    external: EXTERNAL.flatMap((name) => [name, `${name}/*`]),
    plugins: [ownPlaces(dirname(file)), lateClients],
    // Packages in CommonJS call require() for Node's own modules, and for what is external.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  // One letter beyond Latin-1, as regular expressions of a validator have, and V8 keeps the source at two bytes each.
  const source = await readFile(file, 'utf8');
  await writeFile(file, source.replaceAll(/[^\0-\x7f]/g, escaped));
  await rm(`${file}.map`, { force: true }); // of the module as it was compiled
}

// Builds the documentation's site, which the service serves at /help: npm run docs, or to another folder:
// node scripts/docs.mjs FOLDER (default dist/help). Fails if a link leads nowhere, to a page or within one.
// Each page is there as Markdown, too, under the same name, and llms.txt lists them all.
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { build } from 'vitepress';
import { docsPages, titleOf } from './lib/docs-pages.mjs';

const ROOT = resolve(import.meta.dirname, '..');
/** What VitePress reads; its configuration is in docs/.vitepress. */
const STAGE = join(ROOT, '.cache/docs');
const BASE = '/help/';
/** The service's page to try the API out. */
const API_PAGE = '/docs';
const out = resolve(process.argv[2] ?? join(ROOT, 'dist/help'));

const { pages, files } = docsPages(ROOT);
rmSync(STAGE, { recursive: true, force: true });
for (const [place, markdown] of pages) write(join(STAGE, place), markdown);
for (const [place, file] of files) cpSync(join(ROOT, file), join(STAGE, place));

await build(join(ROOT, 'docs'), { outDir: out });

for (const [place, markdown] of pages) write(join(out, place), markdown);
for (const [place, file] of files) cpSync(join(ROOT, file), join(out, place));
write(join(out, 'llms.txt'), llmsText());

const broken = globSync('**/*.html', { cwd: out }).flatMap(brokenLinks);
if (broken.length > 0) {
  process.stderr.write(`Links that lead nowhere:\n${broken.join('\n')}\n`);
  process.exitCode = 1;
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** As https://llmstxt.org has it: the title, what it is, and a list of links to Markdown. */
function llmsText() {
  const places = [...pages.keys()].toSorted();
  const links = places.map((place) => `- [${titleOf(pages.get(place))}](${BASE}${place})`);
  return `# Batch\n\n> Files in, validated rows in Kafka, exactly once.\n\n## Pages\n\n${links.join('\n')}\n`;
}

/** VitePress looks for the pages; here the anchors are looked for, and the files that are not pages. */
function brokenLinks(page) {
  const links = [...readFileSync(join(out, page), 'utf8').matchAll(/<a\b[^>]*?\bhref="([^"]*)"/g)];
  return links.flatMap(([, href]) => (leads(page, href) ? [] : [`${page}: ${href}`]));
}

function leads(page, href) {
  if (href === API_PAGE || /^[a-z]+:/.test(href)) return true;
  const [path, anchor] = href.split('#');
  const place = path.startsWith(BASE) ? path.slice(BASE.length) : join(dirname(page), path);
  const file = path === '' ? page : normalize(/(^|\/)$/.test(place) ? `${place}index.html` : place);
  const anchors = anchorsOf(file);
  return anchors !== null && (!anchor || anchors.has(decodeURIComponent(anchor)));
}

/** The ids of a page, by its file; null: there is no such file. */
function anchorsOf(file) {
  anchorsOf.known ??= new Map();
  if (!anchorsOf.known.has(file)) {
    const [found] = globSync(file, { cwd: out });
    const ids = found === undefined ? [] : readFileSync(join(out, file), 'utf8').matchAll(/\bid="([^"]*)"/g);
    anchorsOf.known.set(file, found === undefined ? null : new Set([...ids].map(([, id]) => id)));
  }
  return anchorsOf.known.get(file);
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';
import { titleOf } from '../../scripts/lib/docs-pages.mjs';
import { githubSlug } from '../../scripts/lib/github-slug.mjs';

/** The pages as scripts/docs.mjs has put them here, which see. */
const PAGES = join(import.meta.dirname, '../../.cache/docs');

const item = (page) => ({
  text: titleOf(readFileSync(join(PAGES, `${page}.md`), 'utf8')),
  link: `/${page.replace(/(^|\/)index$/, '$1')}`,
});

/** The pages of a folder: its index, those that have a place of their own, then all others by their names. */
function folder(name, first = []) {
  if (!existsSync(join(PAGES, name))) return [];
  const pages = readdirSync(join(PAGES, name)).flatMap((file) => (file.endsWith('.md') ? [file.slice(0, -3)] : []));
  const rank = (page) => ['index', ...first, page].indexOf(page);
  return pages.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).map((page) => item(`${name}/${page}`));
}

const REFERENCE = [
  ...['csv', 'json', 'parquet', 'models', 'options', 'jobs', 'sources', 'feeds', 'sinks', 'clickhouse', 'postgres'],
  ...['delivery-guarantees', 'topics', 'api', 'cli', 'sdk', 'errors', 'settings', 'metrics', 'logs', 'traces'],
];

const GUIDES = [
  ...['quick-start', 'csv', 'json', 'parquet', 'feeds', 'sinks', 'rejected-rows', 'cluster', 'operating', 'upgrading'],
  'backup',
];

const sections = [
  { text: 'Start', items: [{ text: 'What Batch is', link: '/' }, item('glossary')] },
  { text: 'Guides', items: [...folder('guides', GUIDES), item('reading-rows')] },
  { text: 'Concepts', items: [...folder('concepts'), item('design')] },
  { text: 'Operations', items: [item('operations'), item('security')] },
  { text: 'Reference', items: folder('reference', REFERENCE) },
  { text: 'Runbooks', collapsed: true, items: folder('runbooks') },
  { text: 'Decisions', collapsed: true, items: folder('adr') },
  { text: 'Project', collapsed: true, items: ['contributing', 'testing', 'benchmarks', 'changelog'].map(item) },
];

export default defineConfig({
  title: 'Batch',
  description: 'Files in, validated rows in Kafka, exactly once.',
  base: '/help/',
  // None, so that browsers do not ask for one.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  srcDir: '../.cache/docs',
  cacheDir: '../.cache/vitepress',
  // The index of the search, which is fetched by the first one, is larger than Vite's limit.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  markdown: {
    // The documents are written for any reader of Markdown: what looks like a tag is text, and anchors are those of GitHub.
    html: false,
    linkify: false,
    anchor: { slugify: githubSlug },
  },
  themeConfig: {
    nav: [
      { text: 'Guides', link: '/guides/', activeMatch: '/guides/' },
      { text: 'Reference', link: '/reference/jobs', activeMatch: '/reference/' },
      { text: 'Operations', link: '/operations' },
      { text: 'Runbooks', link: '/runbooks/' },
    ],
    sidebar: sections,
    outline: [2, 3],
    search: { provider: 'local' },
  },
});

import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { parse } from 'yaml';
import { apiReference } from './api-reference.mjs';
import { topicsReference } from './topics-reference.mjs';

/** Where the documents outside of docs/ are in the site. */
const PLACES = {
  'README.md': 'index.md',
  'DESIGN.md': 'design.md',
  'CONTRIBUTING.md': 'contributing.md',
  'CHANGELOG.md': 'changelog.md',
  'bench/RESULTS.md': 'benchmarks.md',
  'packages/sdk/README.md': 'reference/sdk.md',
};
const DECISIONS = { source: 'docs/adr', place: 'adr/index.md' };
const IMAGE = /\.svg$/;

/**
 * The documents as pages of the site, with links that lead from page to page, those that are written from the contracts, and the
 * other files that they link to.
 * Throws if a link leads to nothing.
 *
 * @param {string} root the project's folder
 * @returns {{ pages: Map<string, string>, files: Map<string, string> }} Markdown by the page's path in the site, and the
 *   paths of other files in the project by those in the site
 */
export function docsPages(root) {
  const sources = [...Object.keys(PLACES), ...globSync('docs/**/*.md', { cwd: root })];
  const places = new Map([...sources.map((source) => [source, placeOf(source)]), Object.values(DECISIONS)]);
  const files = new Map();

  const linkFrom = (source, target) => {
    const [path, anchor] = target.split('#');
    if (path === '' || /^[a-z]+:/.test(target)) return target;
    const named = join(dirname(source), path);
    const file = places.has(join(named, 'README.md')) ? join(named, 'README.md') : named;
    let place = places.get(file);
    if (place === undefined) {
      if (!existsSync(join(root, file)) || statSync(join(root, file)).isDirectory()) {
        throw new Error(`${source} links to ${target}, which is neither a page nor a file`);
      }
      // An image lies beside its page, where the build finds it.
      place = IMAGE.test(file) ? placeOf(file) : `files/${basename(file)}`;
      if ((files.get(place) ?? file) !== file) throw new Error(`${file} and ${files.get(place)} have the same name`);
      files.set(place, file);
    }
    const link = relative(dirname(places.get(source)), place);
    return `${link.startsWith('.') ? '' : './'}${link}${anchor === undefined ? '' : `#${anchor}`}`;
  };

  const pages = new Map(
    sources.map((source) => [
      places.get(source),
      proseReplaced(readFileSync(join(root, source), 'utf8'), (prose) =>
        prose.replaceAll(/(\[[^\]]*\]\()([^)\s]+)(?=\))/g, (_, before, target) => before + linkFrom(source, target)),
      ),
    ]),
  );
  pages.set(DECISIONS.place, listOfDecisions(pages));
  const contract = (file) => parse(readFileSync(join(root, file), 'utf8'));
  pages.set('reference/api.md', apiReference(contract('openapi/openapi.yaml')));
  pages.set('reference/topics.md', topicsReference(contract('asyncapi/batch.yml')));
  return { pages, files };
}

function listOfDecisions(pages) {
  const decisions = [...pages].filter(([place]) => place.startsWith('adr/')).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = decisions.map(([place, text]) => `- [${titleOf(text)}](./${basename(place)})`);
  return `# Decisions\n\nWhy things are as they are.\n\n${lines.join('\n')}\n`;
}

/** The page's first heading. */
export function titleOf(markdown) {
  const [, title] = /^# (.+)$/m.exec(markdown) ?? [];
  if (title === undefined) throw new Error(`a page without a title: ${markdown.slice(0, 80)}`);
  return title.replaceAll('`', '');
}

function placeOf(source) {
  return PLACES[source] ?? source.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md');
}

/** The Markdown with what stands outside of its blocks of code replaced. */
function proseReplaced(markdown, replace) {
  const parts = markdown.split(/(^```[\s\S]*?^```$)/m);
  return parts.map((part, index) => (index % 2 === 0 ? replace(part) : part)).join('');
}

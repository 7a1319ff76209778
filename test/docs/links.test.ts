import { existsSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { githubSlug } from '../../scripts/lib/github-slug.mjs';
import { blocksOf, documents, proseOf, readDocument } from '../kit/markdown.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** Folders that CONTRIBUTING.md promises to changes that nobody has made yet. */
const PLANNED = ['src/sinks', 'src/sources'];

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(path: string): string[] {
  const headings = proseOf(readDocument(path)).matchAll(/^#{1,6} (.+)$/gm);
  const slugs = [...headings].map(([, heading = '']) => githubSlug(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')));
  return slugs.map((slug, index) => {
    const earlier = slugs.slice(0, index).filter((each) => each === slug).length;
    return earlier === 0 ? slug : `${slug}-${earlier}`;
  });
}

function brokenLinks(page: string): string[] {
  const targets = [...proseOf(readDocument(page)).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(
    ([, target = '']) => target,
  );
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(ROOT, file))) return true;
    return anchor !== undefined && !anchorsOf(file).includes(anchor);
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe.each(documents())('%s', (page) => {
  it('has no link that leads nowhere', () => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('names only files that exist, in its prose and in its blocks', () => {
    const named = readDocument(page).matchAll(
      /(?<![\w./:-])(?:src|test|docs|scripts|openapi|packages|schemas|samples|bench|bin)\/[\w./-]*\w/g,
    );
    const missing = [...named].map(([path]) => path).filter((path) => !existsSync(join(ROOT, path)));
    expect(missing.filter((path) => !PLANNED.includes(path))).toEqual([]);
  });

  it('has only JSON that can be read', () => {
    const json = blocksOf(readDocument(page)).filter(({ info }) => /^json\b/.test(info));
    expect(json.filter(({ text }) => !isJson(text))).toEqual([]);
  });
});

it('README is short, and leads to every page of the reference', () => {
  const readme = readDocument('README.md');
  expect(readme.split('\n').length).toBeLessThanOrEqual(121);
  const reference = documents().filter((path) => path.startsWith('docs/reference/'));
  expect(reference.filter((path) => !readme.includes(`(${path})`))).toEqual([]);
});

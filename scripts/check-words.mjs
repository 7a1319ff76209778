#!/usr/bin/env node
// Fails if a document, the source or a test has one of the phrases of scripts/words.txt.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = new URL('..', import.meta.url).pathname;
const CHECKED = [
  '*.md',
  'docs/**/*.md',
  'bench/**/*.{md,mjs,ts}',
  'openapi/openapi.yaml',
  'packages/*/README.md',
  'packages/*/src/**/*.ts',
  'src/**/*.ts',
  'test/**/*.ts',
];
/** Between two words of a comment its next line may begin. */
const SPACE = String.raw`(?:\s|\n\s*(?:\*|//|#)\s)+`;

const phrases = readFileSync(join(ROOT, 'scripts/words.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('# '))
  .map((line) => {
    const [, phrase, instead] = /^(.+?) {2,}(.+)$/.exec(line) ?? [];
    if (phrase === undefined) throw new Error(`scripts/words.txt: not a phrase and what to write instead: ${line}`);
    const flags = /[A-Z]/.test(phrase.replaceAll(/\\./g, '')) ? 'g' : 'gi';
    return { instead, pattern: new RegExp(phrase.replaceAll(' ', SPACE), flags) };
  });

/** Every place in these files where a phrase is. */
function* findings() {
  for (const path of CHECKED.flatMap((glob) => globSync(glob, { cwd: ROOT })).toSorted()) {
    if (path.includes('node_modules')) continue;
    const text = readFileSync(join(ROOT, path), 'utf8');
    for (const { instead, pattern } of phrases) {
      for (const { 0: found, index } of text.matchAll(pattern)) {
        const line = text.slice(0, index).split('\n').length;
        yield { place: `${path}:${line}`, found: found.replaceAll(/\s+/g, ' '), instead };
      }
    }
  }
}

const wrong = [...findings()];
for (const { place, found, instead } of wrong) console.log(`${place}: "${found}"; write: ${instead}`);
process.exitCode = wrong.length === 0 ? 0 : 1;

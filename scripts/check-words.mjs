#!/usr/bin/env node
// Finds the phrases of scripts/words.txt. Fails if a checked document has one; what the source still has is only counted.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = new URL('..', import.meta.url).pathname;
const CHECKED = [
  '*.md',
  'docs/**/*.md',
  'openapi/openapi.yaml',
  'packages/*/README.md',
  'src/*.ts',
  'src/{api,config,database,decoding,delivery,errors,ingest,jobs}/**/*.ts',
  'src/{models,observability,reading,runner,storage,upload}/**/*.ts',
];
/** Move these to CHECKED once they are rewritten. */
const COUNTED = ['src/{cli,formats,inference,kafka}/**/*.ts', 'packages/*/src/**/*.ts'];
/** Between two words of a comment its next line may begin. */
const SPACE = String.raw`(?:\s|\n\s*(?:\*|//|#)\s)+`;

const phrases = readFileSync(join(ROOT, 'scripts/words.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('# '))
  .map((line) => {
    const [, phrase, instead] = /^(.+?) {2,}(.+)$/.exec(line) ?? [];
    if (phrase === undefined) throw new Error(`scripts/words.txt: not a phrase and what to write instead: ${line}`);
    const flags = /[A-Z]/.test(phrase.replaceAll(/\\./g, '')) ? 'g' : 'gi';
    return { phrase, instead, pattern: new RegExp(phrase.replaceAll(' ', SPACE), flags) };
  });

/** Every place in these files where a phrase is. */
function* findings(globs) {
  for (const path of globs.flatMap((glob) => globSync(glob, { cwd: ROOT })).toSorted()) {
    if (path.includes('node_modules')) continue;
    const text = readFileSync(join(ROOT, path), 'utf8');
    for (const { phrase, instead, pattern } of phrases) {
      for (const { 0: found, index } of text.matchAll(pattern)) {
        const line = text.slice(0, index).split('\n').length;
        yield { place: `${path}:${line}`, found: found.replaceAll(/\s+/g, ' '), phrase, instead };
      }
    }
  }
}

const wrong = [...findings(CHECKED)];
for (const { place, found, instead } of wrong) console.log(`${place}: "${found}"; write: ${instead}`);

const counts = new Map();
for (const { phrase } of findings(COUNTED)) counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
for (const [phrase, count] of counts) console.log(`${String(count).padStart(5)} in the source: ${phrase}`);

process.exitCode = wrong.length === 0 ? 0 : 1;

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { JOB_FLAGS } from '../../src/cli/commands/file-flags.js';
import { at, isBranch } from '../openapi/document.js';

const SDK = join(import.meta.dirname, '../../packages/sdk/src');

/** The comments of an interface's members, by their names. */
function comments(file: string, name: string): Array<[string, string]> {
  const source = ts.createSourceFile(file, readFileSync(join(SDK, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const found = source.statements.filter(ts.isInterfaceDeclaration).find((node) => node.name.text === name);
  return found!.members.map((member) => [
    member.name!.getText(source),
    ts
      .getJSDocCommentsAndTags(member)
      .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')
      .join(' '),
  ]);
}

/** What the option is, in the words of the SDK: its comment up to the first `.`, `:`, `;` or `,`. */
function subject(comment: string): string {
  return (/^[^.:;,]+/.exec(comment)?.[0] ?? 'no comment').toLowerCase();
}

/** What the contract says of it, on one line. */
function described(name: string): string {
  const form = '/components/schemas/JobUpload';
  const schema = at(
    name === 'metadata' ? `${form}/patternProperties/^metadata\\.[A-Za-z0-9_.-]{1,64}$` : `${form}/properties/${name}`,
  );
  if (!isBranch(schema)) throw new Error(`the contract has no ${name}`);
  const text = schema['description'] ?? at(`${String(schema['$ref']).slice(1)}/description`);
  return String(text).replaceAll(/\s+/g, ' ').toLowerCase();
}

const OPTIONS = [...comments('job-upload.ts', 'JobSettings'), ...comments('text-options.ts', 'TextOptions')];

describe('what a job option is called', () => {
  it.each(OPTIONS.filter(([name]) => name !== 'modelId'))(
    'is the same in the SDK, the contract and the CLI: %s',
    (name, comment) => {
      const words = subject(comment);
      expect(described(name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))).toContain(words);
      const flag = JOB_FLAGS[name as keyof typeof JOB_FLAGS];
      // A flag that turns an option off says the opposite.
      if (!('isOff' in flag)) expect(flag.help.toLowerCase()).toContain(words.replace(/^whether /, ''));
    },
  );
});

import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** A fenced block of code. */
export interface Block {
  /** What follows the fence: a language and, after a space, what the block is for. */
  info: string;
  text: string;
  /** The line of the fence, from 1. */
  line: number;
}

/** The documents that users and contributors read, by their paths from the project's folder. */
export function documents(): string[] {
  return globSync(['*.md', 'docs/**/*.md', 'packages/*/README.md'], { cwd: ROOT }).toSorted();
}

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | null = null;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (!line.startsWith('```')) {
      if (open !== null) open.text += `${line}\n`;
    } else if (open === null) {
      open = { info: line.slice(3).trim(), text: '', line: index + 1 };
    } else {
      blocks.push(open);
      open = null;
    }
  }
  if (open !== null) throw new Error(`the block that opens on line ${open.line} is not closed`);
  return blocks;
}

/** The document without its blocks of code. */
export function proseOf(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```$/gm, '');
}

/** The cells of each row of the tables whose header begins with `first`. */
export function tableRows(markdown: string, first: string): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of proseOf(markdown).split('\n')) {
    if (!line.startsWith('|')) inside = false;
    else if (line.startsWith(`| ${first} |`)) inside = true;
    else if (inside && !line.startsWith('|--')) {
      const cells = line.split(/(?<!\\)\|/).slice(1, -1);
      rows.push(cells.map((cell) => cell.trim().replaceAll('\\|', '|')));
    }
  }
  return rows;
}

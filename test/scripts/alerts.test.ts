import { globSync, readFileSync } from 'node:fs';
import { Command } from '@commander-js/extra-typings';
import { parse } from 'yaml';
import type { Environment } from '../../src/cli/environment.js';
import { buildProgram } from '../../src/cli/program.js';
import { blocksOf, readDocument, tableRows } from '../kit/markdown.js';
import { documentedMetrics, metricsOf } from '../kit/promql.js';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string; runbook_url: string };
}

const FOLDER = 'deploy/prometheus';
const INDEX = 'docs/runbooks/README.md';
const read = <T>(name: string): T => parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as T;
const rules = read<{ groups: { rules: Rule[] }[] }>('rules.yml').groups.flatMap((group) => group.rules);
const pages = globSync('docs/runbooks/*.md').filter((path) => path !== INDEX);
const kebab = (name: string): string => name.replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
const source = globSync('src/**/*.ts').map((path) => readFileSync(path, 'utf8'));

describe.each(rules)('the alert $alert', ({ alert, expr, labels, annotations }) => {
  it('says how bad it is, what is wrong, and what to do first', () => {
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations.summary.length).toBeLessThan(80);
    expect(annotations.description).toMatch(/\. First \w+/);
  });

  it('has a runbook, which says what it means, what users see, and how it is found, mended and known to be', () => {
    expect(annotations.runbook_url).toBe(`docs/runbooks/${kebab(alert)}.md`);
    const page = readDocument(annotations.runbook_url);
    expect(page.split('\n')[0]).toBe(`# ${alert}`);
    expect([...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual([
      'What users see',
      'Find the cause',
      'Mend it',
      'Mended',
    ]);
    expect(blocksOf(page).length).toBeGreaterThan(0);
    for (const row of tableRows(page, 'what you see')) expect([row[0], row.length]).toEqual([row[0], 2]);
  });

  it('asks for metrics that there are', () => {
    const others = metricsOf(expr).filter((name) => !documentedMetrics().has(name));
    // Those of Node.js are not in the reference; the name of each is in the library's documentation.
    expect(
      others.filter((name) => !/^(nodejs_eventloop_lag_p99_seconds|process_start_time_seconds)$/.test(name)),
    ).toEqual([]);
    expect(metricsOf(expr).length > 0 || /^up\{/.test(expr)).toBe(true);
  });

  it('asks for parts of the service that there are', () => {
    const parts = [...expr.matchAll(/part="(\w+)"/g)].map(([, part]) => part);
    for (const part of parts) expect(source.some((text) => text.includes(`health.add('${part}',`))).toBe(true);
  });
});

describe('the runbooks', () => {
  it('are those of the alerts, and all in the index with their severities', () => {
    expect(pages.toSorted()).toEqual([...new Set(rules.map(({ annotations }) => annotations.runbook_url))].toSorted());
    const indexed = tableRows(readDocument(INDEX), 'alert').map(([alert = '', severity]) => [
      /^\[(\w+)\]/.exec(alert)?.[1],
      severity,
    ]);
    const expected = Object.entries(Object.groupBy(rules, ({ alert }) => alert)).map(([alert, each = []]) => [
      alert,
      each.map(({ labels }) => labels.severity).join(', '),
    ]);
    expect(indexed.toSorted()).toEqual(expected.toSorted());
  });

  it.each(pages)('%s has only commands that the CLI has', (path) => {
    const program = buildProgram({ argv: [], version: '0' } as unknown as Environment, () => undefined);
    const scripts = blocksOf(readDocument(path)).map(({ text }) => text.replaceAll('\\\n', ' '));
    for (const [command, words = ''] of scripts.join('\n').matchAll(/\.\/bin\/batch ([^|>#\n]*)/g)) {
      expect([command, unknownIn(program as unknown as Command, words.trim().split(/\s+/))]).toEqual([command, []]);
    }
  });

  it('ask for metrics that there are', () => {
    const known = [...documentedMetrics()];
    for (const page of pages) {
      const named = [...readDocument(page).matchAll(/`(batch_\w+)[`{ ]/g)].map(([, name = '']) => name);
      expect([page, named.filter((name) => !known.includes(name))]).toEqual([page, []]);
    }
  });
});

/** The words of a command line that no command and no option takes; what stands for a value is left out. */
function unknownIn(program: Command, words: readonly string[]): string[] {
  let command = program;
  const unknown: string[] = [];
  for (const word of words) {
    const inner = command.commands.find((each) => each.name() === word);
    if (inner !== undefined) command = inner as Command;
    else if (command.commands.length > 0) unknown.push(word);
    else if (word.startsWith('--')) {
      const flags = [...command.options, ...program.options].map(({ long }) => long);
      if (!flags.includes(word)) unknown.push(word);
    }
  }
  if (command.commands.length > 0) unknown.push('(no command)');
  return unknown;
}

describe('the configurations', () => {
  it('have the name of the scrape job that the rules ask for', () => {
    const { scrape_configs: scrapes } = read<{ scrape_configs: { job_name: string }[] }>('prometheus.yml');
    const asked = rules.flatMap(({ expr }) => [...expr.matchAll(/job="(\w+)"/g)].map(([, name]) => name));
    expect(scrapes.map(({ job_name }) => job_name)).toEqual([...new Set(asked)]);
  });

  it('leave out only alerts that there are', () => {
    const { inhibit_rules: inhibitions } = read<{ inhibit_rules: Record<string, string[]>[] }>('alertmanager.yml');
    const matchers = inhibitions.flatMap((each) => [
      ...(each['source_matchers'] ?? []),
      ...(each['target_matchers'] ?? []),
    ]);
    const named = matchers.join(' ').match(/\b[A-Z]\w+/g) ?? [];
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !rules.some(({ alert }) => alert === name))).toEqual([]);
  });
});

import { documents } from '../kit/markdown.js';
import { databasesOf, hasSnippets, runSnippets, SNIPPETS_ROOT } from '../kit/snippets.js';
import { useService } from '../kit/use-service.js';

const brokers = process.env['E2E_KAFKA_BROKERS'] as string;
// Pages that ask databases run where these are: sinks.test.ts.
const pages = documents().filter((page) => hasSnippets(page) && databasesOf(page).length === 0);

const suite = useService({ env: { SOURCES: `file:${SNIPPETS_ROOT}` } });

afterEach(async () => {
  const models = (await (await fetch(`${suite.service.url}/models`)).json()) as { id: string }[];
  for (const { id } of models) await fetch(`${suite.service.url}/models/${id}`, { method: 'DELETE' });
});

it.each(pages)('the snippets of %s run, and print what the page shows', (page) =>
  runSnippets(page, { brokers, service: suite.service }),
);

import { Command } from '@commander-js/extra-typings';
import type { Readiness } from 'batch-ingest-sdk';
import { EXIT } from '../failure.js';
import type { Style } from '../render/style.js';
import { table } from '../render/table.js';
import type { Session } from '../session.js';

export function healthCommand(open: () => Session) {
  return new Command('health')
    .description('Check the service; exit 1 if it is not ready for uploads (a degraded component still exits 0).')
    .addHelpText('after', '\nExample:\n  $ batch health')
    .action(async () => {
      const session = open();
      const client = await session.client();
      const readiness = await client.readiness({ signal: session.signal });
      const result = { url: client.baseUrl, status: readiness.status, details: readiness.details };
      session.show(result, (_, style) => healthTable(client.baseUrl, readiness, style));
      if (readiness.status !== 'ok') session.exitCode = EXIT.failed;
    });
}

function healthTable(url: string, readiness: Readiness, style: Style): string {
  const ready = readiness.status === 'ok';
  const rows = Object.entries(readiness.details ?? {}).map(([part, { status, message }]) => ({
    part,
    status,
    message,
  }));
  const parts = table(
    [
      { title: 'COMPONENT', text: ({ part }) => part },
      {
        title: 'STATUS',
        text: ({ status }) => status,
        paint: ({ status }) => ({ up: style.green, degraded: style.yellow, down: style.red })[status],
      },
      { title: 'MESSAGE', text: ({ message }) => message ?? '' },
    ],
    rows,
    style,
  );
  const verdict = ready ? style.green('ready') : style.red(`not ready (${readiness.status})`);
  const note = rows.some(({ status }) => status === 'degraded') ? ', but degraded' : '';
  return `${url} is ${verdict}${ready ? note : ''}\n\n${parts}`;
}

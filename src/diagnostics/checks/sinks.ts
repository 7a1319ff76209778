import { SINK_URLS, type SinksConfig } from '../../config/index.js';
import { checkSink } from '../../sinks/index.js';
import { type Check, ok, problem } from '../finding.js';

const CHECK_MS = 15_000;

/** One for each sink that has a URL. */
export function sinkChecks({ urls }: SinksConfig): Check[] {
  return [...urls.keys()].map((name) => ({
    name: `sink_${name}`,
    async run() {
      const failure = await checkSink(name, CHECK_MS);
      if (failure === null) return [ok(this.name, `${name} answers and takes the credentials`)];
      return [
        problem(
          this.name,
          `${name}: ${failure.message} (${failure.code})`,
          `Start it, or correct ${SINK_URLS[name]} and the rights of its user.`,
        ),
      ];
    },
  }));
}

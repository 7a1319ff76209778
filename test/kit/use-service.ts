import { Api } from './api.js';
import { type Service, startService } from './service.js';

/** The service of a test file, which its tests may stop and start. */
export interface SuiteService {
  readonly api: Api;
  /** Set before the first test runs. A test that stops it and starts another one puts that here. */
  service: Service;
  /** Ends the process by `signal`, SIGKILL unless told otherwise, and starts another one on its data. */
  restart(signal?: NodeJS.Signals): Promise<void>;
}

/**
 * Starts one service for all tests of a file, with these models, and stops it after the last one. `models`: schemas by
 * id; `brokers`: those that all suites share unless told otherwise; the rest as for `startService`.
 */
export function useService({
  models = {},
  brokers = process.env['E2E_KAFKA_BROKERS'] as string,
  ...options
}: Partial<Parameters<typeof startService>[0]> & { models?: Record<string, object> } = {}): SuiteService {
  const api = new Api('');
  let service: Service | undefined;
  const suite: SuiteService = {
    api,
    get service() {
      if (service === undefined) throw new Error('The service of this file has not been started yet');
      return service;
    },
    set service(next) {
      service = next;
      api.url = next.url;
    },
    async restart(signal = 'SIGKILL') {
      const { dataDir } = suite.service;
      await suite.service.kill(signal);
      suite.service = await startService({ brokers, ...options, dataDir });
    },
  };
  beforeAll(async () => {
    suite.service = await startService({ brokers, ...options });
    for (const [id, schema] of Object.entries(models)) await api.createModel(id, schema);
  });
  afterAll(() => service?.stop());
  return suite;
}

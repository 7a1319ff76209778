import { describesApiKeyStore } from '../conformance/api-key-store.js';
import { openStore } from '../jobs/support/store-fixture.js';

describesApiKeyStore('SQLite', openStore);

import { describesModelStore } from '../conformance/model-store.js';
import { openStore } from '../jobs/support/store-fixture.js';

describesModelStore('SQLite', openStore);

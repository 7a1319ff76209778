import { describesJobStore } from '../../conformance/job-store.js';
import { openStore } from '../support/store-fixture.js';

describesJobStore('SQLite', openStore);

import { describesJobStore } from '../../conformance/job-store.js';
import { describesSinkStore } from '../../conformance/sink-store.js';
import { describesUploadStore } from '../../conformance/upload-store.js';
import { openStore } from '../support/store-fixture.js';

describesJobStore('SQLite', openStore);
describesSinkStore('SQLite', openStore);
describesUploadStore('SQLite', openStore);

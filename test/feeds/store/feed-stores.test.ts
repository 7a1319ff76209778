import { describesFeedStores } from '../../conformance/feed-stores.js';
import { openStore } from '../../jobs/support/store-fixture.js';

describesFeedStores('SQLite', openStore);

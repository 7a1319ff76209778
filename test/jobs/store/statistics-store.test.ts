import { describesStatisticsStore } from '../../conformance/statistics-store.js';
import { openStore } from '../support/store-fixture.js';

describesStatisticsStore('SQLite', openStore);

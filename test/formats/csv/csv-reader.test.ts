import { createCsvReader } from '../../../src/formats/index.js';
import { describeCsvReader } from './reader-contract.js';

describeCsvReader('the reference reader', createCsvReader);

import { CsvKernel, createKernelReader } from '../../../../src/formats/index.js';
import { describeCsvReader } from '../reader-contract.js';

const kernel = new CsvKernel();

describeCsvReader('the kernel', (options) => createKernelReader(options, kernel));

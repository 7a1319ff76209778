import { describesRunnerLink } from '../conformance/runner-link.js';
import { startObedientRunner } from '../kit/obedient-runners.js';

describesRunnerLink('a child process', startObedientRunner);

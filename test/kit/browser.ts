import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian's package puts it; CHROMIUM names another. */
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is a browser on this machine: none is installed with the packages. */
export const hasBrowser = existsSync(EXECUTABLE);

export function startBrowser(): Promise<Browser> {
  // A test of our pages needs no sandbox, and root gets none.
  return chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] });
}

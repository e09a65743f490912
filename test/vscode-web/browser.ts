/** A headless chromium that reaches nothing but this machine. */
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import type { Places } from './places.ts';

const parameters = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--hide-scrollbars',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

export async function openBrowser(places: Places): Promise<{ browser: Browser; page: Page }> {
  const browser = await chromium.launch({
    ...(places.chromium === undefined ? {} : { executablePath: places.chromium }),
    args: parameters,
    // Who started the browser ends it: chromium's own handlers would race with that.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'] });
  return { browser, page: await context.newPage() };
}

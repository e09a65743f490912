/** The page of a panel in a browser without VS Code: what the extension host would send is sent by the test. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { root } from '../support/vscode.ts';
import { openBrowser } from '../vscode-web/browser.ts';
import type { findPlaces } from '../vscode-web/places.ts';
import { themeOf } from './themes.ts';
import type { ThemeName } from './themes.ts';

const types: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', ttf: 'font/ttf' };
const nonce = 'dGVzdA==';
const documentOf = (name: string): string => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${name}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self' 'unsafe-inline'; font-src 'self'; script-src 'nonce-${nonce}'">
<link rel="stylesheet" id="vscode-codicon-stylesheet" href="codicon.css"><link rel="stylesheet" href="panel.css"><link rel="stylesheet" href="${name}.css">
<script nonce="${nonce}">
window.sent = []; window.kept = JSON.parse(sessionStorage.getItem('kept') ?? 'null') ?? undefined;
window.acquireVsCodeApi = () => ({
  postMessage: (message) => { window.sent.push(message); },
  getState: () => window.kept,
  setState: (state) => { sessionStorage.setItem('kept', JSON.stringify(state)); },
});
</script></head><body><pagewalk-${name}></pagewalk-${name}><script type="module" nonce="${nonce}" src="${name}.js"></script></body></html>`;

/** `Incoming` and `Outgoing`: the messages that the page hears and sends. */
export class WebviewPage<Incoming extends { readonly kind: string }, Outgoing extends { readonly kind: string }> {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #errors: string[] = [];

  private constructor(parts: { page: Page; browser: Browser; server: Server }) {
    this.page = parts.page;
    this.#browser = parts.browser;
    this.#server = parts.server;
    this.page.on('pageerror', (error) => this.#errors.push(error.message));
  }

  /** `panel`: the folder of the page in webview/. Fails where there is no browser, for which tests ask before. */
  static async open<Incoming extends { readonly kind: string }, Outgoing extends { readonly kind: string }>(
    places: ReturnType<typeof findPlaces>,
    panel: string,
  ): Promise<WebviewPage<Incoming, Outgoing>> {
    assert.ok(!('missing' in places));
    const server = createServer((request, response) => {
      const name = (request.url ?? '/').slice(1);
      if (name === '') {
        response.setHeader('content-type', 'text/html').end(documentOf(panel));
        return;
      }
      try {
        const file = readFileSync(join(root, 'dist/webview', name.split('?')[0] ?? ''));
        response.setHeader('content-type', types[/\w+(?=$|\?)/.exec(name)?.[0] ?? ''] ?? 'text/plain').end(file);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume));
    const { browser, page } = await openBrowser(places);
    const opened = new WebviewPage<Incoming, Outgoing>({ page, browser, server });
    // What the loader of the tests' TypeScript puts around functions, which are sent to the page as text.
    await page.addInitScript('globalThis.__name = (what) => what');
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction((name) => customElements.get(`pagewalk-${name}`) !== undefined, panel);
    page.setDefaultTimeout(20_000);
    return opened;
  }

  async send(...messages: readonly Incoming[]): Promise<void> {
    await this.page.evaluate((each) => {
      for (const data of each) window.dispatchEvent(new MessageEvent('message', { data }));
    }, messages);
  }

  /** What the page sent of one kind. */
  async sent<Kind extends Outgoing['kind']>(kind: Kind): Promise<Extract<Outgoing, { kind: Kind }>[]> {
    const all = await this.page.evaluate(() => (window as unknown as { sent: Outgoing[] }).sent);
    return all.filter((message): message is Extract<Outgoing, { kind: Kind }> => message.kind === kind);
  }

  /** Those of a kind, once there are `count`: what is written in slices takes a page that is busy a while. */
  async whenSent<Kind extends Outgoing['kind']>(kind: Kind, count: number): Promise<Extract<Outgoing, { kind: Kind }>[]> {
    await this.page.waitForFunction(
      (asked) => (window as unknown as { sent: Outgoing[] }).sent.filter((message) => message.kind === asked.kind).length >= asked.count,
      { kind, count },
    );
    return this.sent(kind);
  }

  /** As VS Code does when the theme changes. Without it a page has no colours of its own. */
  async setTheme(name: ThemeName): Promise<void> {
    await this.page.evaluate(({ className, variables }) => {
      // A theme has not every variable of the one before.
      document.documentElement.removeAttribute('style');
      for (const [variable, value] of Object.entries(variables)) document.documentElement.style.setProperty(variable, value);
      document.body.className = className;
      document.body.style.backgroundColor = 'var(--vscode-editor-background)';
    }, themeOf(name));
  }

  /** Loads the page once more: it keeps what it has kept. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.waitForFunction(() => (window as unknown as { sent: unknown[] }).sent.length > 0);
  }

  /** Loads the page as if it had never been open. */
  async startAnew(): Promise<void> {
    await this.page.evaluate(() => {
      sessionStorage.clear();
    });
    await this.reload();
  }

  /** Fails where the page's own scripts did. */
  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((resume) => this.#server.close(resume));
    assert.deepEqual(this.#errors, []);
  }
}

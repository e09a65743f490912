/** Answers a page as the extension would, from a real debug adapter in this process: what the hosts of single pages share. */
import type { RawClient } from '../dap/raw-client.ts';
import type { WebviewPage } from './page.ts';

export abstract class AnsweringHost<ToPage extends { readonly kind: string }, FromPage extends { readonly kind: string }> {
  protected readonly client: RawClient;
  protected readonly page: WebviewPage<ToPage, FromPage>;
  #answered = 0;

  constructor(client: RawClient, page: WebviewPage<ToPage, FromPage>) {
    this.client = client;
    this.page = page;
  }

  /** A page that was loaded anew has sent nothing. */
  forget(): void {
    this.#answered = 0;
  }

  /** Answers until the page asks for nothing more. */
  async settle(): Promise<void> {
    for (;;) {
      const all = await this.page.page.evaluate(() => (window as unknown as { sent: FromPage[] }).sent);
      const asked = all.slice(this.#answered);
      this.#answered = all.length;
      if (asked.length === 0) return;
      for (const message of asked) await this.answer(message);
      await this.page.page.evaluate(() => new Promise((resume) => requestAnimationFrame(resume)));
    }
  }

  protected abstract answer(message: FromPage): Promise<void>;
}

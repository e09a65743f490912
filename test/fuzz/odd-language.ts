/** Requests of editors to a language server, with arguments of every kind, and one server that is asked them. */
import { PassThrough } from 'node:stream';
import { serveLanguage } from '../../debug-adapter/lsp/language-server.ts';
import { fc } from '../support/properties.ts';
import { anything, number, text } from './odd-requests.ts';

export const methods = [
  ...['textDocument/completion', 'textDocument/hover', 'textDocument/documentSymbol', 'textDocument/formatting', 'textDocument/inlayHint'],
  ...['textDocument/definition', 'textDocument/references', 'textDocument/rename', 'textDocument/foldingRange', 'textDocument/codeAction'],
  ...['textDocument/semanticTokens/full', 'workspace/symbol', 'nosuch/method', '$/cancelRequest'],
];
export const scenario =
  'machine { ram 64M }\nlet a = vmalloc(64K)\nfor i in 0..3 { print "{i:x}", a }\nexpect vtop(a).physical != 0\nvfree(a)\n';
const position = fc.record({
  line: fc.oneof(fc.integer({ min: -1, max: 6 }), number),
  character: fc.oneof(fc.integer({ min: -1, max: 50 }), number),
});
export const languageArguments = fc.record(
  { position, range: fc.record({ start: position, end: position }), context: anything, options: anything, newName: text, query: text },
  { requiredKeys: [] },
);

/** One server, and how often each of its requests was answered. */
export class LanguageClient {
  /** By number of the request, which counts from 1. */
  readonly answers = new Map<number, number>();
  readonly #input = new PassThrough();
  readonly #waiting = new Map<number, () => void>();
  #heard = Buffer.alloc(0);
  #sequence = 0;
  #version = 1;

  constructor() {
    const output = new PassThrough();
    output.on('data', (bytes: Buffer) => {
      this.#hear(bytes);
    });
    serveLanguage(this.#input, output);
  }

  notify(method: string, params: unknown): void {
    this.#send({ jsonrpc: '2.0', method, params });
  }

  /** The number that the next request will have. */
  get next(): number {
    return this.#sequence + 1;
  }

  ask(method: string, params: unknown): Promise<void> {
    const id = ++this.#sequence;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ jsonrpc: '2.0', id, method, params });
    });
  }

  change(uri: string, content: string): void {
    this.notify('textDocument/didChange', { textDocument: { uri, version: ++this.#version }, contentChanges: [{ text: content }] });
  }

  #send(message: unknown): void {
    const body = JSON.stringify(message);
    this.#input.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #hear(bytes: Buffer): void {
    this.#heard = Buffer.concat([this.#heard, bytes]);
    for (;;) {
      const head = this.#heard.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(this.#heard.toString('latin1', 0, Math.max(0, head)))?.[1]);
      if (head < 0 || this.#heard.length < head + 4 + length) return;
      const message = JSON.parse(this.#heard.toString('utf8', head + 4, head + 4 + length)) as { id?: number; method?: string };
      this.#heard = this.#heard.subarray(head + 4 + length);
      if (message.id === undefined) continue;
      if (message.method !== undefined) this.#send({ jsonrpc: '2.0', id: message.id, result: null });
      else {
        this.answers.set(message.id, (this.answers.get(message.id) ?? 0) + 1);
        this.#waiting.get(message.id)?.();
        this.#waiting.delete(message.id);
      }
    }
  }
}

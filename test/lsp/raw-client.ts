/** A client of the language server that speaks bytes: it shares no code with the server's own connection. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

const program = join(import.meta.dirname, '../../dist/pagewalk.js');

export class LanguageClientProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #heard: Message[] = [];
  #listeners: (() => void)[] = [];
  #input = Buffer.alloc(0);
  #id = 0;
  readonly ended: Promise<number | null>;

  constructor() {
    this.#child = spawn(process.execPath, [program, 'lsp']);
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      this.#take();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('exit', resolve);
    });
  }

  /** Bytes as they are. */
  raw(bytes: string): void {
    this.#child.stdin.write(bytes);
  }

  notify(method: string, params: unknown): void {
    this.#send({ jsonrpc: '2.0', method, params });
  }

  async request(method: string, params: unknown): Promise<Message> {
    const id = ++this.#id;
    const answer = new Promise<Message>((resolve) => {
      this.#waiting.set(id, resolve);
    });
    this.#send({ jsonrpc: '2.0', id, method, params });
    return answer;
  }

  /** Waits for a notification that has come or will. */
  async heard(method: string, matches: (params: never) => boolean): Promise<unknown> {
    for (;;) {
      const found = this.#heard.find((message) => message.method === method && matches(message.params as never));
      if (found !== undefined) return found.params;
      await new Promise<void>((resolve) => {
        this.#listeners.push(resolve);
      });
    }
  }

  async initialize(): Promise<Message> {
    const answer = await this.request('initialize', {
      processId: null,
      rootUri: null,
      capabilities: {
        textDocument: { publishDiagnostics: { dataSupport: true }, completion: { completionItem: { snippetSupport: true } } },
      },
    });
    this.notify('initialized', {});
    return answer;
  }

  open(uri: string, text: string): void {
    this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'kmm', version: 1, text } });
  }

  end(): void {
    this.#child.stdin.end();
  }

  #send(message: unknown): void {
    const body = Buffer.from(JSON.stringify(message));
    this.#child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#child.stdin.write(body);
  }

  #take(): void {
    for (;;) {
      const head = this.#input.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#input.toString('latin1', 0, head))?.[1]);
      if (this.#input.length < head + 4 + length) return;
      const message = JSON.parse(this.#input.toString('utf8', head + 4, head + 4 + length)) as Message;
      this.#input = this.#input.subarray(head + 4 + length);
      if (message.method !== undefined && message.id !== undefined) this.#send({ jsonrpc: '2.0', id: message.id, result: null });
      else if (message.method !== undefined) this.#heard.push(message);
      else if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
      const listeners = this.#listeners;
      this.#listeners = [];
      for (const listener of listeners) listener();
    }
  }
}

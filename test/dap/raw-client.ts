/** A debug-adapter client that counts: it speaks to an adapter in this process, or to a listening one, and keeps everything it hears. */
import { Duplex, PassThrough } from 'node:stream';
import type { Writable } from 'node:stream';
import type { Host } from '../../debug-adapter/base/host.ts';
import { DapServer } from '../../debug-adapter/dap/server.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';

export interface Reply {
  readonly type: 'response';
  readonly request_seq: number;
  readonly success: boolean;
  readonly message?: string;
  readonly body?: unknown;
}

export interface AdapterEvent {
  readonly type: 'event';
  readonly event: string;
  readonly body?: unknown;
}

export class RawClient {
  readonly replies = new Map<number, Reply[]>();
  readonly events: AdapterEvent[] = [];
  readonly #input: Writable;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #watching: { readonly found: (event: AdapterEvent) => boolean; readonly resolve: (event: AdapterEvent) => void }[] = [];
  #heard = Buffer.alloc(0);
  #sequence = 0;
  ended = false;

  /** Of an adapter that is made for it, or at the other end of a connection. */
  constructor(
    adapter: Host | Duplex = nodeHost(),
    { loadLanguage }: Pick<ConstructorParameters<typeof DapServer>[1], 'loadLanguage'> = {},
  ) {
    const output = adapter instanceof Duplex ? adapter : new PassThrough();
    output.on('data', (bytes: Buffer) => {
      this.#hear(bytes);
    });
    if (adapter instanceof Duplex) {
      this.#input = adapter;
      adapter.on('close', () => {
        this.ended = true;
      });
      return;
    }
    const input = new PassThrough();
    this.#input = input;
    const onEnd = (): void => {
      this.ended = true;
    };
    new DapServer(adapter, { onEnd, loadLanguage }).start(input, output);
  }

  /** Sends bytes behind a header that fits them, whatever they are. */
  raw(text: string): void {
    this.bytes(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  bytes(bytes: string | Uint8Array): void {
    this.#input.write(bytes);
  }

  send(command: string, parameters?: unknown): number {
    const seq = ++this.#sequence;
    this.raw(JSON.stringify({ seq, type: 'request', command, arguments: parameters }));
    return seq;
  }

  ask(command: string, parameters?: unknown): Promise<Reply> {
    const seq = this.send(command, parameters);
    return this.replyTo(seq);
  }

  replyTo(seq: number): Promise<Reply> {
    const known = this.replies.get(seq)?.[0];
    return known === undefined ? new Promise((resolve) => this.#waiting.set(seq, resolve)) : Promise.resolve(known);
  }

  /** The first event, of those that came and those that come, that `found` accepts. */
  event(found: (event: AdapterEvent) => boolean): Promise<AdapterEvent> {
    const known = this.events.find(found);
    return known === undefined ? new Promise((resolve) => this.#watching.push({ found, resolve })) : Promise.resolve(known);
  }

  /** Body of a reply that must be a success. */
  async body<Body>(command: string, parameters?: unknown): Promise<Body> {
    const reply = await this.ask(command, parameters);
    if (!reply.success) throw new Error(`${command} ${JSON.stringify(parameters)}: ${reply.message ?? ''}`);
    return reply.body as Body;
  }

  /** Opens an image and configures the session. */
  async launch(settings: object, client: object = {}): Promise<void> {
    await this.body('initialize', client);
    await this.body('launch', settings);
    await this.body('configurationDone');
  }

  #hear(bytes: Buffer): void {
    this.#heard = Buffer.concat([this.#heard, bytes]);
    for (;;) {
      const header = this.#heard.indexOf('\r\n\r\n');
      if (header < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.#heard.toString('utf8', 0, header))?.[1]);
      if (this.#heard.length < header + 4 + length) return;
      const message = JSON.parse(this.#heard.toString('utf8', header + 4, header + 4 + length)) as Reply | AdapterEvent;
      this.#heard = this.#heard.subarray(header + 4 + length);
      if (message.type === 'event') {
        this.events.push(message);
        for (const { found, resolve } of this.#watching) if (found(message)) resolve(message);
      } else {
        this.replies.set(message.request_seq, [...(this.replies.get(message.request_seq) ?? []), message]);
        this.#waiting.get(message.request_seq)?.(message);
      }
    }
  }
}

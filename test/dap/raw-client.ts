/** A debug-adapter client that counts: it speaks to the adapter in this process, byte by byte, and keeps everything it hears. */
import { PassThrough } from 'node:stream';
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
  readonly #input = new PassThrough();
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #watching: { readonly found: (event: AdapterEvent) => boolean; readonly resolve: (event: AdapterEvent) => void }[] = [];
  #heard = Buffer.alloc(0);
  #sequence = 0;
  ended = false;

  constructor(host: Host = nodeHost()) {
    const output = new PassThrough();
    output.on('data', (bytes: Buffer) => {
      this.#hear(bytes);
    });
    new DapServer(host, () => {
      this.ended = true;
    }).start(this.#input, output);
  }

  /** Sends bytes behind a header that fits them, whatever they are. */
  raw(text: string): void {
    this.#input.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
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

/**
 * An adapter of our own, for what is asked where no debug session is open: `pagewalk dap` in a child process, spoken to in
 * the debug adapter protocol. Started by the first question.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import * as vscode from 'vscode';
import type { PagewalkRequestName, PagewalkRequests } from '../../debug-adapter/protocol/requests.ts';
import { nodeEnvironment, programPath } from './configurations.ts';

interface Response {
  readonly type: string;
  readonly request_seq: number;
  readonly success: boolean;
  readonly message?: string;
  readonly body?: unknown;
}

interface Waiting {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
}

const headerEnd = '\r\n\r\n';

export class AdapterProcess implements vscode.Disposable {
  readonly #program: string;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcessWithoutNullStreams | undefined;
  #sequence = 0;
  #chunks: Buffer[] = [];
  #received = 0;
  /** Bytes of the message that is coming, header and all; 0 while the header is not whole. */
  #expected = 0;

  constructor(context: vscode.ExtensionContext) {
    this.#program = programPath(context);
  }

  /** Rejects with the adapter's sentence. */
  async request<Name extends PagewalkRequestName>(
    name: Name,
    parameters: PagewalkRequests[Name]['arguments'],
  ): Promise<PagewalkRequests[Name]['body']> {
    if (this.#child === undefined) {
      this.#start();
      await this.#send('initialize', { adapterID: 'pagewalk' });
    }
    return (await this.#send(name, parameters)) as PagewalkRequests[Name]['body'];
  }

  dispose(): void {
    this.#child?.kill();
  }

  #send(command: string, parameters: object): Promise<unknown> {
    const seq = ++this.#sequence;
    const message = Buffer.from(JSON.stringify({ seq, type: 'request', command, arguments: parameters }));
    return new Promise((resolve, reject) => {
      this.#waiting.set(seq, { resolve, reject });
      this.#child?.stdin.write(`Content-Length: ${message.length}${headerEnd}`);
      this.#child?.stdin.write(message);
    });
  }

  #start(): void {
    const child = spawn(process.execPath, [this.#program, 'dap'], { env: { ...process.env, ...nodeEnvironment } });
    this.#child = child;
    this.#chunks = [];
    this.#received = 0;
    this.#expected = 0;
    child.stdout.on('data', (bytes: Buffer) => {
      this.#hear(bytes);
    });
    child.stderr.resume();
    // What cannot be written any more is told by the end of the process.
    child.stdin.on('error', () => undefined);
    const ended = (why: string): void => {
      if (this.#child === child) this.#child = undefined;
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of waiting)
        reject(new Error(vscode.l10n.t('The process that reads the files ended ({0}); compare again.', why)));
    };
    child.on('error', (error) => {
      ended(error.message);
    });
    child.on('exit', (status, signal) => {
      ended(signal ?? vscode.l10n.t('status {0}', status ?? '?'));
    });
  }

  #hear(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#received += bytes.length;
    while (this.#received > 0 && this.#received >= this.#expected) {
      const heard = this.#chunks.length === 1 ? (this.#chunks[0] ?? bytes) : Buffer.concat(this.#chunks);
      this.#chunks = [heard];
      const behind = heard.indexOf(headerEnd);
      if (behind < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(heard.toString('latin1', 0, behind))?.[1]);
      const start = behind + headerEnd.length;
      this.#expected = start + length;
      if (heard.length < this.#expected) return;
      this.#answer(JSON.parse(heard.toString('utf8', start, this.#expected)) as Response);
      const rest = heard.subarray(this.#expected);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#received = rest.length;
      this.#expected = 0;
    }
  }

  #answer({ type, request_seq: sequence, success, body, message }: Response): void {
    const waiting = this.#waiting.get(sequence);
    if (type !== 'response' || waiting === undefined) return;
    this.#waiting.delete(sequence);
    if (success) waiting.resolve(body);
    else waiting.reject(new Error(message ?? vscode.l10n.t('no reason was given')));
  }
}

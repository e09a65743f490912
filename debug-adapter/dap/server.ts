/**
 * The dispatcher: every request gets exactly one reply (a body, an error with its sentence, or `cancelled`). Requests are
 * answered in order, one a turn of the event loop, so that a `cancel` can overtake those that wait. Those whose work goes
 * on in a thread are overtaken by others, and cancelled while they run.
 */
import type { Readable, Writable } from 'node:stream';
import { ProtocolServer } from '@vscode/debugadapter/lib/protocol.js';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { CancellationSource } from '../base/cancellation.ts';
import { Cancelled, errors, UserError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { ScenarioLanguage } from '../session/scenario.ts';
import { Access } from './access.ts';
import { Adapter } from './adapter.ts';
import type { Answer, Call } from './adapter.ts';
import { handlerOf } from './handlers.ts';
import { incoming } from './incoming.ts';
import { MessageStream } from './message-stream.ts';

const errorIds = { user: 1, unknownRequest: 2, defect: 9 } as const;

interface ServerOptions {
  /** Called once: after the reply to `disconnect`, or when nothing more can be heard of the client. */
  readonly onEnd: () => void;
  /** Loads the language of scenarios, where there is one. */
  readonly loadLanguage?: (() => Promise<ScenarioLanguage>) | undefined;
  /** What a client has to know, where not everybody may ask. */
  readonly token?: string | undefined;
}

/** Speaks on the streams that it is started with; what a handler throws becomes the reply's error. */
export class DapServer extends ProtocolServer {
  readonly #adapter: Adapter;
  readonly #access: Access;
  readonly #input: MessageStream;
  #output: Writable | undefined;
  readonly #waiting: DebugProtocol.Request[] = [];
  readonly #cancelled = new Set<number>();
  /** Requests whose answers are promised. */
  readonly #running = new Map<Call, Promise<void>>();
  readonly #onEnd: () => void;
  #scheduled = false;
  #ended = false;
  #eventSequence = 1;

  constructor(host: Host, options: ServerOptions) {
    super();
    this.#onEnd = options.onEnd;
    this.#access = new Access(options.token);
    this.#input = new MessageStream({
      tooLong: (bytes) => {
        this.#tell(`a message of ${bytes} bytes was not read: a request has ${limits.requestBytes} at most; ask for less at once`);
      },
      notTheProtocol: () => {
        this.#tell('what the client sends is not the Debug Adapter Protocol, in which each message begins with its Content-Length');
        this.#leave();
      },
    });
    this.#adapter = new Adapter(
      host,
      (event, body) => {
        this.sendEvent({ seq: this.#eventSequence++, type: 'event', event, body });
      },
      options.loadLanguage,
    );
    // The transport reports a message that it cannot parse, and a stream that breaks, as an error event.
    this.on('error', ({ body }: { readonly body: string }) => {
      this.#transportFailed(body);
    });
  }

  override start(input: Readable, output: Writable): void {
    this.#output = output;
    output.on('drain', () => {
      this.#readOn();
      this.#schedule();
    });
    input.on('error', ({ message }: Error) => {
      this.#transportFailed(`inStream error: ${message}`);
    });
    super.start(input.pipe(this.#input), output);
  }

  /** Ends what the session holds, for a client that went away without saying so. */
  close(): void {
    this.#adapter.close();
  }

  /** Ends the session of a client that was to give a token and has given none. */
  turnAwayStranger(): void {
    if (this.#access.admitted || this.#ended) return;
    this.#tell(errors.tokenNeeded(false).message);
    this.#leave();
  }

  #leave(): void {
    this.close();
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
  }

  /** Called with each message, whatever it is. */
  override handleMessage(message: unknown): void {
    const { request, problem } = incoming(message);
    if (request === undefined) {
      if (problem !== undefined) this.#tell(`a message of the client was not read: ${problem}`);
    } else if (problem !== undefined) this.#fail(request, errorIds.unknownRequest, problem);
    else if (request.command === 'cancel') this.#cancel(request);
    else {
      this.#waiting.push(request);
      this.#schedule();
    }
    if (!this.#readsOn()) this.#input.pause();
  }

  /** What is answered at once, before others, is kept here as well while the client does not read it. */
  #readsOn(): boolean {
    return this.#waiting.length < limits.waitingRequests && (this.#output?.writableLength ?? 0) < limits.unreadBytes;
  }

  #readOn(): void {
    if (this.#readsOn()) this.#input.resume();
  }

  /** A client that sends nonsense is told; one that cannot be reached any more has ended its session. */
  #transportFailed(what: string): void {
    if (what.startsWith('inStream') || what.startsWith('outStream')) this.#leave();
    else this.#tell(`a message of the client cannot be read: ${what.replace('Error handling data: ', '')}`);
  }

  #tell(line: string): void {
    this.sendEvent({ seq: this.#eventSequence++, type: 'event', event: 'output', body: { category: 'stderr', output: `${line}\n` } });
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    // A client that does not read its replies gets no more of them: they would be kept here.
    if (this.#output?.writableNeedDrain === true) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const request = this.#waiting.shift();
      if (request !== undefined) this.#answer(request);
      this.#readOn();
      this.#schedule();
    });
  }

  #cancel(request: DebugProtocol.Request): void {
    const { requestId, progressId } = (request.arguments ?? {}) as DebugProtocol.CancelArguments;
    if (requestId !== undefined && this.#waiting.some(({ seq }) => seq === requestId)) this.#cancelled.add(requestId);
    for (const call of this.#running.keys()) {
      if (call.requestId === requestId || call.progressId === progressId) call.cancellation.cancel();
    }
    this.#reply(request, { success: true });
  }

  #answer(request: DebugProtocol.Request): void {
    if (this.#cancelled.delete(request.seq)) {
      this.#reply(request, { success: false, message: 'cancelled' });
      return;
    }
    const admission = this.#access.admit(request);
    if (admission !== 'admitted') {
      this.#refuse(request, errors.tokenNeeded(admission === 'foreign'));
      if (admission === 'foreign') this.#leave();
      return;
    }
    const handler = handlerOf(this.#adapter, request.command);
    if (handler === undefined) {
      this.#fail(request, errorIds.unknownRequest, `Pagewalk does not answer the request ${request.command}`);
      return;
    }
    const call: Call = { requestId: request.seq, cancellation: new CancellationSource(), progressId: `request ${request.seq}` };
    try {
      const answer = handler(this.#adapter, request.arguments ?? {}, call);
      if (answer instanceof Promise) this.#awaitAnswer(request, call, answer);
      else this.#give(request, call, answer);
    } catch (error) {
      this.#refuse(request, error);
    }
    if (request.command !== 'disconnect') return;
    // Disconnecting cancels what runs; its replies go out before the end.
    if (this.#running.size === 0) this.#end();
    else
      void Promise.all(this.#running.values()).then(() => {
        this.#end();
      });
  }

  #awaitAnswer(request: DebugProtocol.Request, call: Call, promised: Promise<Answer>): void {
    const replied = promised
      .then((answer) => {
        this.#give(request, call, answer);
      })
      .catch((error: unknown) => {
        this.#refuse(request, error);
      })
      .finally(() => {
        this.#running.delete(call);
      });
    this.#running.set(call, replied);
  }

  #give(request: DebugProtocol.Request, call: Call, answer: Answer): void {
    this.#adapter.checkFiles();
    this.#reply(request, { success: true, body: answer.body });
    if (answer.until !== undefined) {
      const over = answer.until.then(() => {
        this.#running.delete(call);
      });
      this.#running.set(call, over);
    }
    // The reply is out: what fails from here on may be told, but not as a second reply.
    try {
      answer.afterwards?.();
    } catch (error) {
      this.#tell(error instanceof UserError ? error.message : defect(error));
    }
  }

  #refuse(request: DebugProtocol.Request, thrown: unknown): void {
    const error = thrown instanceof Cancelled ? thrown : this.#causeOf(thrown);
    if (error instanceof Cancelled) this.#reply(request, { success: false, message: 'cancelled' });
    else if (error instanceof UserError) this.#fail(request, errorIds.user, error.message);
    else this.#fail(request, errorIds.defect, defect(error));
  }

  /** A file that was written to meanwhile is the likely cause of any failure. */
  #causeOf(thrown: unknown): unknown {
    try {
      this.#adapter.checkFiles();
      return thrown;
    } catch (altered) {
      return altered;
    }
  }

  #fail(request: DebugProtocol.Request, id: number, message: string): void {
    const format = message.replaceAll('{', '(').replaceAll('}', ')');
    this.#reply(request, { success: false, message, body: { error: { id, format, showUser: request.command === 'launch' } } });
  }

  #reply(request: DebugProtocol.Request, answer: { success: boolean; message?: string; body?: unknown }): void {
    this.sendResponse({ seq: 0, type: 'response', request_seq: request.seq, command: request.command, ...answer });
  }
}

/** Where it happened is told by the names of functions and files, not of folders. */
function defect(error: unknown): string {
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this is a defect of Pagewalk, please report it: ${told.replaceAll(/(?:file:\/\/)?\/[^\s()]*\//g, '')}`;
}

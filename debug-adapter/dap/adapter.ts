/**
 * State of one debug session: the opened image, what the client can do, and the handles of variables. Handles are keyed by
 * where a variable stands, so the same variable keeps its handle (and the tree its expansion).
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { errors, UserError } from '../base/errors.ts';
import type { CancellationSource } from '../base/cancellation.ts';
import type { Host } from '../base/host.ts';
import type { WrittenPiece } from '../memory/written-memory.ts';
import { JobRunner } from '../session/job-runner.ts';
import type { ScenarioLanguage } from '../session/scenario.ts';
import type { SessionFace } from '../session/session-face.ts';
import type { ScenarioSession } from './scenario-session.ts';

/** A page of children that a client asks for. */
export interface Page {
  readonly start: number;
  readonly count: number;
}

/** Something that can be expanded. */
export interface VariableNode {
  /** The variables below it that the page asks for, named or indexed; a list that is too long is continued in ranges. */
  children(page: Page): DebugProtocol.Variable[];
}

/** What the client said of itself in `initialize`: messages that it could not take are not sent. */
export interface ClientFacts {
  readonly supportsProgressReporting?: boolean | undefined;
  /** True when left out. */
  readonly columnsStartAt1?: boolean | undefined;
  /** True when left out. */
  readonly linesStartAt1?: boolean | undefined;
  readonly supportsMemoryEvent?: boolean | undefined;
  readonly supportsInvalidatedEvent?: boolean | undefined;
}

/** What all request handlers share. Getters throw `UserError` where nothing is opened yet. */
export class Adapter {
  readonly host: Host;
  /** Loads the language of scenarios; absent where there is none. */
  readonly loadLanguage: (() => Promise<ScenarioLanguage>) | undefined;
  readonly sendEvent: (event: string, body: unknown) => void;
  /** What the client said of itself in `initialize`. */
  client: ClientFacts | undefined;
  /** Address space of the launch configuration. */
  mm: string | undefined;
  /** A launch that waits until the user has chosen among the files of a split set. */
  memberChoice: { readonly choose: (paths: readonly string[]) => void; readonly cancel: () => void } | undefined;
  #session: SessionFace | undefined;
  #scenario: ScenarioSession | undefined;
  #writes = 0;
  #jobs: JobRunner | undefined;
  readonly #toldOfFiles = new Set<string>();
  readonly #nodes: VariableNode[] = [];
  readonly #references = new Map<string, number>();

  constructor(host: Host, sendEvent: (event: string, body: unknown) => void, loadLanguage: (() => Promise<ScenarioLanguage>) | undefined) {
    this.host = host;
    this.sendEvent = sendEvent;
    this.loadLanguage = loadLanguage;
  }

  /** The scenario that is debugged; undefined where a dump is open. */
  get scenario(): ScenarioSession | undefined {
    return this.#scenario;
  }

  /** The opened image, of a scenario its machine as it is now; an error before `launch`. */
  get session(): SessionFace {
    if (this.#scenario !== undefined) return this.#scenario.session;
    if (this.#session === undefined) throw errors.badArgument('no image is open; send a launch request with `image` first');
    return this.#session;
  }

  /** Answers long questions about the opened image in a thread. */
  get jobs(): JobRunner {
    if (this.#jobs === undefined) throw errors.badArgument('no image is open; send a launch request with `image` first');
    return this.#jobs;
  }

  /** Whether an image is open, or being opened. */
  get isOpen(): boolean {
    return this.#jobs !== undefined || this.memberChoice !== undefined;
  }

  /** A launch searches its image with these; closing ends it. */
  opening(jobs: JobRunner): void {
    this.#jobs = jobs;
  }

  /** Takes over the session of a launch that worked. */
  open(session: SessionFace, jobs: JobRunner): void {
    this.#session = session;
    this.#jobs = jobs;
  }

  /**
   * Throws where a file of the dump was written to since it was opened: what was answered since may be made of its old bytes and
   * its new ones. That, and that a file has lost its name, is told once besides.
   */
  checkFiles(): void {
    try {
      for (const note of this.#session?.files.check() ?? []) this.#tellOfFile(`warning: ${note}`);
    } catch (error) {
      if (error instanceof UserError) this.#tellOfFile(error.message);
      throw error;
    }
  }

  #tellOfFile(line: string): void {
    if (this.#toldOfFiles.has(line)) return;
    this.#toldOfFiles.add(line);
    this.sendEvent('output', { category: 'important', output: `${line}\n` });
  }

  /** Changes whenever the image's memory may have. */
  get version(): string {
    return this.#scenario?.version ?? String(this.#writes);
  }

  /** Writes over the memory of the opened dump: what is asked from now on is answered as if it had been so. */
  write(pieces: readonly WrittenPiece[]): void {
    this.#session = this.session.written(pieces);
    this.#writes++;
    // Threads have opened the file for themselves.
    this.#jobs?.close();
    this.#jobs = new JobRunner({ ...this.host, startWorker: undefined }, { paths: [] }, () => this.session);
  }

  /** Memory or variables were changed from outside: the client is to ask again. */
  changed(): void {
    this.#scenario?.tellMemory();
    // Were stacks among them, VS Code would take it for a stop, and show where over the panel in which somebody writes.
    if (this.client?.supportsInvalidatedEvent === true) this.sendEvent('invalidated', { areas: ['variables'] });
  }

  /** From now on requests are about the scenario's machine as it stands. */
  openScenario(scenario: ScenarioSession, jobs: JobRunner): void {
    this.#scenario = scenario;
    this.#jobs = jobs;
  }

  /** Requests that run are answered as cancelled. */
  close(): void {
    this.#scenario?.close();
    this.#scenario = undefined;
    this.memberChoice?.cancel();
    this.#jobs?.close();
    this.#jobs = undefined;
    this.#session?.close();
    this.#session = undefined;
  }

  /** The handle of the node at `key`; an existing one is kept and shows the new node. */
  reference(key: string, node: VariableNode): number {
    const known = this.#references.get(key);
    if (known !== undefined) {
      this.#nodes[known - 1] = node;
      return known;
    }
    const reference = this.#nodes.push(node);
    this.#references.set(key, reference);
    return reference;
  }

  /** The node at `key`, if it was given a handle. */
  nodeAt(key: string): VariableNode | undefined {
    return this.#nodes[(this.#references.get(key) ?? 0) - 1];
  }

  /** The variable behind a client's handle. Throws `UserError` for one that was not given. */
  node(reference: number): VariableNode {
    const node = this.#nodes[reference - 1];
    if (node === undefined) throw errors.badArgument(`variablesReference ${reference} is not known; it belongs to another session`);
    return node;
  }
}

/** What a handler gives: the reply's body, and what to do once the reply is sent. (No `then`: a promise of it would call that.) */
export interface Answer {
  readonly body?: unknown;
  readonly afterwards?: () => void;
  /** What the request began goes on after its reply, and can be cancelled until then. Never rejects. */
  readonly until?: Promise<void>;
}

/** One request that is being answered. */
export interface Call {
  readonly requestId: number;
  /** Fires when the client cancels the request, or the progress `progressId`. */
  readonly cancellation: CancellationSource;
  readonly progressId: string;
}

/** A handler that promises its answer lets other requests overtake it. */
export type Handler = (adapter: Adapter, parameters: unknown, call: Call) => Answer | Promise<Answer>;

/**
 * A scenario that is being debugged: its session on the machine as it is now, and the run, which goes on in slices between
 * which requests are answered.
 */
import { CancellationSource } from '../base/cancellation.ts';
import { errors, UserError } from '../base/errors.ts';
import type { Image, Register } from '../image/image.ts';
import { openKernel } from '../kernel/opening/open-kernel.ts';
import type { ScenarioProblems } from '../protocol/scenario.ts';
import type { ScenarioDebugger, Way } from '../session/scenario-debugger.ts';
import { scenarioProblems } from '../session/scenario-problems.ts';
import type { Halt } from '../session/scenario-stop.ts';
import type { SessionFace } from '../session/session-face.ts';
import { Session } from '../session/session.ts';
import type { Adapter, Answer, Call } from './adapter.ts';

/** The only thread of a scenario. */
export const scenarioThread = 1;

/** Milliseconds after which a slice lets requests be answered. */
const sliceTime = 10;

/** Slices after which a run is told as progress, which can be cancelled. */
const longRun = 50;

/** Places of memory that a client shows: it is told when they may have changed. */
const mostShown = 64;

interface ShownMemory {
  readonly memoryReference: string;
  readonly offset: number;
  readonly count: number;
}

/** A simulated kernel tells all of itself. */
const noOutsideSources = { symbols: undefined, types: undefined };

/** Runs in slices, so that a `pause` is heard; requests about the machine are refused while it runs. */
export class ScenarioSession {
  readonly path: string;
  readonly noDebug: boolean;
  readonly #adapter: Adapter;
  readonly #shown = new Map<string, ShownMemory>();
  #debugger: ScenarioDebugger;
  #session: { readonly version: number; readonly of: ScenarioDebugger; readonly session: Session } | undefined;
  #running: CancellationSource | undefined;
  #closed = false;

  constructor(adapter: Adapter, options: { readonly debugger: ScenarioDebugger; readonly path: string; readonly noDebug: boolean }) {
    this.#adapter = adapter;
    this.#debugger = options.debugger;
    this.path = options.path;
    this.noDebug = options.noDebug;
  }

  /** The run; another one after a restart. */
  get debugger(): ScenarioDebugger {
    return this.#debugger;
  }

  /** The scenario as a DAP source. */
  get source(): { readonly name: string; readonly path: string } {
    return { name: this.path.slice(Math.max(this.path.lastIndexOf('/'), this.path.lastIndexOf('\\')) + 1), path: this.path };
  }

  /** The machine as it is now. */
  get session(): SessionFace {
    const { version, image } = this.#debugger;
    if (this.#session?.version !== version || this.#session.of !== this.#debugger)
      this.#session = { version, of: this.#debugger, session: sessionOn(image) };
    return this.#session.session;
  }

  /** The machine as it was at a moment; valid until the run goes on. Throws `UserError`. */
  sessionAt(moment: string): SessionFace {
    const { image, moments } = this.#debugger;
    return sessionOn({ ...image, memory: moments.memoryAt(moment) });
  }

  /** Variables that are numbers: expressions in C call them `$name`. */
  get registers(): readonly Register[] {
    return this.#debugger.variables().flatMap(({ name, address }) => (address === undefined ? [] : [{ name, value: BigInt(address) }]));
  }

  /** Changes whenever answers about the machine may. */
  get version(): string {
    return String(this.#debugger.version);
  }

  /** A line, counted from 0, as the client counts. */
  toClient(line: number): number {
    return this.#adapter.client?.linesStartAt1 === false ? line : line + 1;
  }

  /** A line as the client counts into one that counts from 0. */
  fromClient(line: number): number {
    return this.#adapter.client?.linesStartAt1 === false ? line : line - 1;
  }

  /** Throws `UserError` while the scenario runs. */
  needStopped(): void {
    if (this.#running !== undefined) throw errors.badArgument('the scenario is running; pause it first');
  }

  /** Goes on: the reply comes first, then slices of the way, then where it stopped. A cancelled request pauses it. */
  go(way: Way, call: Call, body: unknown = {}): Answer {
    this.needStopped();
    const source = new CancellationSource();
    this.#running = source;
    call.cancellation.onCancel(() => {
      source.cancel();
    });
    let over: () => void = () => undefined;
    const until = new Promise<void>((resolve) => {
      over = resolve;
    });
    this.#token.current = source;
    return {
      body,
      until,
      afterwards: () => {
        this.#slice(way, { call, slices: 0, over });
      },
    };
  }

  /** The token of the way that is under way, or will be next: asked anew at each look. */
  readonly #token: { current: CancellationSource | undefined } = { current: undefined };

  /** For what the run under way asks of others: cancelled by a `pause`. */
  get token(): { readonly cancelled: boolean } {
    const token = this.#token;
    return {
      get cancelled(): boolean {
        return token.current?.cancelled === true;
      },
    };
  }

  /** Asks the run to stop at its next step. */
  pause(): void {
    this.#running?.cancel();
  }

  /** Takes over a new run of the scenario. */
  restart(fresh: ScenarioDebugger): void {
    this.#debugger = fresh;
  }

  /** Ends the run; nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.pause();
  }

  /** The client shows this memory. */
  showed(memory: ShownMemory): void {
    const key = `${memory.memoryReference} ${memory.offset} ${memory.count}`;
    this.#shown.delete(key);
    this.#shown.set(key, memory);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > mostShown && oldest !== undefined) this.#shown.delete(oldest);
  }

  /** Tells where the run stopped; without a halt, it is over. */
  stopped(halt: Halt | undefined): void {
    this.#tellOutput();
    if (this.#closed) return;
    const exception = this.#debugger.exception();
    if (halt === undefined || (this.noDebug && halt.reason === 'end')) {
      if (exception !== undefined && this.noDebug) this.#tellFailure();
      if (this.noDebug) this.#tellProblems();
      this.#adapter.sendEvent('exited', { exitCode: exception === undefined ? 0 : exception.filter === 'expectation' ? 1 : 2 });
      this.#adapter.sendEvent('terminated', {});
      return;
    }
    if (exception !== undefined) this.#tellFailure();
    const { reason, description, text, ids } = halt;
    this.tellMemory();
    this.#adapter.sendEvent('stopped', {
      reason,
      description,
      ...(text === undefined ? {} : { text }),
      threadId: scenarioThread,
      allThreadsStopped: true,
      ...(ids === undefined ? {} : { hitBreakpointIds: ids }),
    });
  }

  #slice(way: Way, run: { readonly call: Call; slices: number; readonly over: () => void }): void {
    const end = Date.now() + sliceTime;
    let next: ReturnType<Way['next']>;
    try {
      do next = way.next();
      while (next.done !== true && Date.now() < end);
    } catch (error) {
      this.#finish(run);
      if (!(error instanceof UserError)) throw error;
      this.#adapter.sendEvent('output', { category: 'stderr', output: `${error.message}\n` });
      this.stopped({ reason: 'pause', description: 'Stopped' });
      return;
    }
    if (next.done === true) {
      this.#finish(run);
      this.stopped(next.value);
      return;
    }
    this.#tellOutput();
    const { progressId, requestId } = run.call;
    if (++run.slices === longRun && this.#adapter.client?.supportsProgressReporting === true)
      this.#adapter.sendEvent('progressStart', { progressId, requestId, title: 'Running the scenario', cancellable: true });
    setImmediate(() => {
      this.#slice(way, run);
    });
  }

  #finish({ call, slices, over }: { readonly call: Call; readonly slices: number; readonly over: () => void }): void {
    this.#running = undefined;
    this.#token.current = undefined;
    if (slices >= longRun && this.#adapter.client?.supportsProgressReporting === true)
      this.#adapter.sendEvent('progressEnd', { progressId: call.progressId });
    over();
  }

  #tellOutput(): void {
    if (this.#closed) return;
    for (const { text, line } of this.#debugger.takeOutput()) this.#tell('stdout', text, line);
  }

  #tellFailure(): void {
    const { stop } = this.#debugger;
    if (stop.kind === 'failed') this.#tell('stderr', stop.failure.message, stop.range.start.line);
  }

  /** A run without debugging ends before anybody could ask. */
  #tellProblems(): void {
    try {
      const problems: ScenarioProblems = { path: this.path, ...scenarioProblems(this.#debugger, this.session) };
      this.#adapter.sendEvent('pagewalk/scenarioProblems', problems);
    } catch (error) {
      // A scenario may leave a kernel that cannot be read any more.
      if (!(error instanceof UserError)) throw error;
      this.#adapter.sendEvent('output', { category: 'stderr', output: `${error.message}\n` });
    }
  }

  #tell(category: string, text: string, line: number): void {
    this.#adapter.sendEvent('output', { category, output: `${text}\n`, source: this.source, line: this.toClient(line), column: 1 });
  }

  /** Tells that memory which the client shows may have changed. */
  tellMemory(): void {
    if (this.#adapter.client?.supportsMemoryEvent !== true) return;
    for (const memory of this.#shown.values()) this.#adapter.sendEvent('memory', memory);
  }
}

/** The scenario of a session that has one. */
export function scenarioOf({ scenario }: Adapter): ScenarioSession {
  if (scenario === undefined) throw errors.badArgument('no scenario is open');
  return scenario;
}

/** A frame's place on the stack, 0 the innermost, by its id. */
export function frameIndex({ debugger: run }: ScenarioSession, frameId: number): number {
  const index = frameId - 1;
  if (!Number.isInteger(index) || index < 0 || index >= run.frames().length)
    throw errors.badArgument(`frame ${frameId} does not exist; ask for the stack first`);
  return index;
}

function sessionOn(image: Image): Session {
  return new Session(image, openKernel(image, noOutsideSources));
}

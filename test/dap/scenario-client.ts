/** A client of a scenario's debug session in a process of its own: each move waits for the stop that it leads to. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';

const stdioProgram = resolve(import.meta.dirname, 'stdio-adapter.mjs');

export type Stopped = DebugProtocol.StoppedEvent['body'];

export class ScenarioClient {
  readonly client: DebugClient;
  readonly path: string;
  readonly output: DebugProtocol.OutputEvent['body'][] = [];
  readonly capabilities: DebugProtocol.Capabilities = {};
  readonly events: string[] = [];
  readonly #folder: string;

  private constructor(text: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'pagewalk-scenario-'));
    this.path = join(this.#folder, 'test.kmm');
    writeFileSync(this.path, text);
    this.client = new DebugClient(process.execPath, stdioProgram, 'pagewalk');
    // Five seconds unless it is told: a busy machine takes longer to start a process.
    this.client.defaultTimeout = 60_000;
    this.client.on('output', ({ body }: DebugProtocol.OutputEvent) => this.output.push(body));
    this.client.on('capabilities', ({ body }: DebugProtocol.CapabilitiesEvent) => Object.assign(this.capabilities, body.capabilities));
    for (const event of ['memory', 'invalidated', 'exited', 'terminated', 'progressStart', 'progressEnd'])
      this.client.on(event, ({ body }: { readonly body?: unknown }) => this.events.push(`${event} ${JSON.stringify(body)}`));
  }

  /** Launches, has breakpoints set by `configure`, and waits for the first stop. */
  static async launch(
    text: string,
    settings: object = {},
    configure: (client: ScenarioClient) => Promise<void> = () => Promise.resolve(),
  ): Promise<ScenarioClient> {
    const made = new ScenarioClient(text);
    const { client } = made;
    await client.start();
    await client.initializeRequest({
      adapterID: 'pagewalk',
      linesStartAt1: true,
      columnsStartAt1: true,
      supportsMemoryEvent: true,
      supportsInvalidatedEvent: true,
      supportsProgressReporting: true,
    });
    try {
      const initialized = client.waitForEvent('initialized');
      initialized.catch(() => undefined);
      await client.launchRequest({ scenario: made.path, ...settings } as never);
      await initialized;
    } catch (error) {
      await made.end();
      throw error;
    }
    await configure(made);
    return made;
  }

  /** Ends the configuration: to the first stop. */
  begin(): Promise<Stopped> {
    return this.#stopping(() => this.client.configurationDoneRequest());
  }

  /** `continue`, `next`, `stepIn`, `stepBack`… */
  move(command: string, parameters: object = {}): Promise<Stopped> {
    return this.#stopping(() => this.ask(command, { threadId: 1, ...parameters }));
  }

  async #stopping(send: () => Promise<unknown>): Promise<Stopped> {
    const stopped = this.client.waitForEvent('stopped', 60_000) as Promise<DebugProtocol.StoppedEvent>;
    stopped.catch(() => undefined);
    await send();
    return (await stopped).body;
  }

  async ask<Body = Record<string, unknown>>(command: string, parameters: object = {}): Promise<Body> {
    return ((await this.client.customRequest(command, parameters)) as { body: Body }).body;
  }

  /** Names of the frames, innermost first. */
  async frames(): Promise<string[]> {
    return (await this.stack()).map(({ name }) => name);
  }

  async stack(): Promise<DebugProtocol.StackFrame[]> {
    return (await this.client.stackTraceRequest({ threadId: 1 })).body.stackFrames;
  }

  async line(): Promise<number> {
    return (await this.stack()).at(-1)?.line ?? 0;
  }

  /** The variables of a scope of a frame. */
  async variables(scope: string, frameId = 1): Promise<DebugProtocol.Variable[]> {
    const { scopes } = (await this.client.scopesRequest({ frameId })).body;
    const found = scopes.find(({ name }) => name === scope);
    if (found === undefined) throw new Error(`no scope ${scope} among ${scopes.map(({ name }) => name).join(', ')}`);
    return (await this.client.variablesRequest({ variablesReference: found.variablesReference })).body.variables;
  }

  async evaluate(expression: string, context = 'watch', frameId = 1): Promise<DebugProtocol.EvaluateResponse['body']> {
    return (await this.client.evaluateRequest({ expression, context, frameId })).body;
  }

  /** Bytes at an address, in hexadecimal. */
  async bytes(memoryReference: string, count: number): Promise<string> {
    const { data } = await this.ask<{ data: string }>('readMemory', { memoryReference, count });
    return Buffer.from(data, 'base64').toString('hex');
  }

  async end(): Promise<void> {
    await this.client.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Stands in for the `code` executable where no desktop VS Code can be had: takes the arguments that @vscode/test-electron
 * gives it, runs the tests in a VS Code server with its web workbench in a headless chromium, copies out what they print,
 * and ends with their result. Without --extensionTestsPath it serves, and prints the address to open in a browser.
 *
 * Logs and a last picture are kept in the folder that CODE_WEB_RUNNER_ARTEFACTS names.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { findPlaces } from './places.ts';
import type { Places } from './places.ts';
import { extensionHostLogs, sleep, startServer, workbenchAddress } from './server.ts';
import type { Server } from './server.ts';

const startPatience = 120_000;
const runPatience = 900_000;
/** How long a result waits for the page to end the run by itself. */
const endPatience = 3_000;

class Runner {
  readonly #places: Places;
  readonly #profile = mkdtempSync(join(tmpdir(), 'code-web-'));
  readonly #exchange = join(this.#profile, 'exchange');
  readonly #artefacts: string;
  readonly #copied = { stdout: 0, stderr: 0 };
  #server: Server | undefined;
  #browser: Browser | undefined;
  #page: Page | undefined;
  #ending = false;

  constructor(places: Places) {
    this.#places = places;
    this.#artefacts = process.env['CODE_WEB_RUNNER_ARTEFACTS'] ?? join(this.#profile, 'artefacts');
    for (const folder of [this.#exchange, this.#artefacts]) mkdirSync(folder, { recursive: true });
  }

  /** Shows `folder` with the extension in `development`, until this process is ended. */
  async serve(folder: string | undefined, development: readonly string[]): Promise<void> {
    const server = await this.#start({}, {});
    console.log(`VS Code is at ${workbenchAddress(server.port, { folder, payload: this.#payload(server.port, development) })}`);
  }

  /** Runs the tests in the module `tests` (an absolute path); the process ends with their result. */
  async test(from: {
    tests: string;
    folder: string | undefined;
    development: readonly string[];
    userData: string | undefined;
    extensions: string | undefined;
  }): Promise<void> {
    const environment = { CODE_WEB_RUNNER_FOLDER: this.#exchange, CODE_WEB_RUNNER_TESTS: from.tests };
    const [server, { browser, page }] = await Promise.all([this.#start(environment, from), openBrowser(this.#places)]);
    this.#browser = browser;
    this.#page = page;
    page.on('crash', () => void this.end(1, 'the page crashed'));
    browser.on('disconnected', () => void this.end(1, 'chromium went away'));
    // Both names must exist for VS Code to report the end of a test run to the page.
    await page.exposeFunction('codeAutomationLog', () => undefined);
    await page.exposeFunction('codeAutomationExit', (code: number) =>
      this.end(
        this.#result() ?? (code === 0 ? 1 : code),
        this.#result() === undefined ? 'VS Code ended the run before the tests reported' : undefined,
      ),
    );
    const shim = join(import.meta.dirname, 'runner-shim.cjs');
    const payload = [...this.#payload(server.port, from.development), ['extensionTestsPath', remote(server.port, shim)] as const];
    await page.goto(workbenchAddress(server.port, { folder: from.folder, payload }), { timeout: startPatience });
    await this.#watch();
  }

  async end(code: number, why?: string): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#copyOutput();
    if (why !== undefined) await this.#explain(why);
    const [host] = this.#server === undefined ? [] : extensionHostLogs(this.#server.userData);
    if (host !== undefined) copyFileSync(host, join(this.#artefacts, 'extension-host.log'));
    await Promise.race([this.#browser?.close(), sleep(endPatience)]);
    await this.#server?.stop();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    process.exit(code);
  }

  async #start(
    environment: Readonly<Record<string, string>>,
    folders: { userData?: string | undefined; extensions?: string | undefined },
  ): Promise<Server> {
    const server = await startServer(this.#places, {
      profile: this.#profile,
      ...folders,
      environment,
      driven: true,
      log: join(this.#artefacts, 'server.log'),
    });
    this.#server = server;
    server.process.on('exit', (code) => void this.end(1, `the VS Code server ended with ${code ?? 'a signal'}`));
    return server;
  }

  #payload(port: number, development: readonly string[]): (readonly [string, string])[] {
    return [...development.map((folder) => ['extensionDevelopmentPath', remote(port, folder)] as const), ['skipWelcome', 'true']];
  }

  /** Copies output, takes pictures and looks for the end, until there is one. */
  async #watch(): Promise<void> {
    const began = Date.now();
    let reported = 0;
    while (!this.#ending) {
      this.#copyOutput();
      await this.#takePictures();
      if (reported === 0 && this.#result() !== undefined) reported = Date.now();
      const host = this.#read('started');
      if (reported !== 0 && Date.now() - reported > endPatience) await this.end(this.#result() ?? 1);
      else if (reported === 0 && host !== undefined && !isAlive(Number(host))) await this.#hostIsGone(host);
      else if (host === undefined && Date.now() - began > startPatience)
        await this.end(1, `the tests did not start within ${startPatience / 1000} s`);
      else if (Date.now() - began > runPatience) await this.end(124, `the tests did not end within ${runPatience / 1000} s`);
      await sleep(40);
    }
  }

  async #hostIsGone(host: string): Promise<void> {
    // Its result may still be on its way.
    await sleep(endPatience);
    if (this.#result() === undefined) await this.end(1, `the extension host (process ${host}) ended while the tests ran`);
  }

  #read(name: string): string | undefined {
    const file = join(this.#exchange, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  #result(): number | undefined {
    const text = this.#read('result');
    return text === undefined ? undefined : Number(text);
  }

  #copyOutput(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const file = join(this.#exchange, name);
      const length = existsSync(file) ? statSync(file).size - this.#copied[name] : 0;
      if (length === 0) continue;
      const data = Buffer.alloc(length);
      const handle = openSync(file, 'r');
      readSync(handle, data, 0, length, this.#copied[name]);
      closeSync(handle);
      this.#copied[name] += length;
      process[name].write(data);
    }
  }

  async #takePictures(): Promise<void> {
    for (const name of readdirSync(this.#exchange)) {
      const id = /^picture-(\d+)$/.exec(name)?.[1];
      if (id === undefined || this.#page === undefined) continue;
      const file = readFileSync(join(this.#exchange, name), 'utf8');
      unlinkSync(join(this.#exchange, name));
      mkdirSync(dirname(file), { recursive: true });
      await this.#page.screenshot({ path: file });
      writeFileSync(join(this.#exchange, `taken-${id}`), '');
    }
  }

  async #explain(why: string): Promise<void> {
    console.error(`code-web-runner: ${why}`);
    const picture = this.#page?.screenshot({ path: join(this.#artefacts, 'end.png') });
    await Promise.race([picture?.catch(() => undefined), sleep(endPatience)]);
    const [host] = this.#server === undefined ? [] : extensionHostLogs(this.#server.userData);
    for (const log of [join(this.#artefacts, 'server.log'), host]) {
      if (log !== undefined && existsSync(log)) console.error(`--- ${log}\n${readFileSync(log, 'utf8').split('\n').slice(-25).join('\n')}`);
    }
  }
}

function isAlive(process_: number): boolean {
  try {
    return process.kill(process_, 0);
  } catch {
    return false;
  }
}

function remote(port: number, path: string): string {
  return `vscode-remote://127.0.0.1:${port}${encodeURI(path)}`;
}

const { values, positionals } = parseArgs({
  // VS Code's own arguments that mean nothing here are passed over.
  strict: false,
  allowPositionals: true,
  options: {
    extensionDevelopmentPath: { type: 'string', multiple: true },
    extensionTestsPath: { type: 'string' },
    'user-data-dir': { type: 'string' },
    'extensions-dir': { type: 'string' },
  },
});
const pathOf = (value: unknown): string | undefined => (typeof value === 'string' ? resolve(value) : undefined);
const places = findPlaces({ browser: values.extensionTestsPath !== undefined });
if ('missing' in places) {
  console.error(`code-web-runner: ${places.missing}`);
  process.exit(2);
}
const runner = new Runner(places);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.on(signal, () => void runner.end(code));
const folder = pathOf(positionals[0]);
const development = (values.extensionDevelopmentPath ?? []).flatMap((value) => pathOf(value) ?? []);
const tests = pathOf(values.extensionTestsPath);
try {
  if (tests === undefined) await runner.serve(folder, development);
  else
    await runner.test({
      tests,
      folder,
      development,
      userData: pathOf(values['user-data-dir']),
      extensions: pathOf(values['extensions-dir']),
    });
} catch (error) {
  await runner.end(1, error instanceof Error ? (error.stack ?? error.message) : String(error));
}

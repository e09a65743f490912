/** A VS Code window as a person uses it: mouse, keyboard, and what is on the screen. One throw-away profile a window. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import type { Places } from './places.ts';
import { extensionHostLogs, installExtension, processesBelow, sleep, startServer, workbenchAddress } from './server.ts';
import type { Server } from './server.ts';

/** A machine that does other work draws late. */
const patience = 120_000;
/** Menus, hovers and toasts fade in. */
const settled = 400;
/** How often, and for how long, a list or menu that may have been closed is tried. */
const attempts = 5;
const closing = 8_000;
const inputBox = '.quick-input-widget input.input';
const input = `${inputBox}:visible`;

export interface WindowOptions {
  /** Absolute path of the folder to open. */
  readonly folder: string;
  /** Absolute path of the packed extension under test. */
  readonly vsix: string;
  /** Where the server's log goes. */
  readonly artefacts: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether the folder is one that nobody has trusted yet. */
  readonly restricted?: boolean;
}

export class VSCodeWindow {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #profile: string;

  private constructor(parts: { page: Page; browser: Browser; server: Server; profile: string }) {
    this.page = parts.page;
    this.#browser = parts.browser;
    this.#server = parts.server;
    this.#profile = parts.profile;
  }

  /** Resolves when the window has its extensions. */
  static async open(places: Places, options: WindowOptions): Promise<VSCodeWindow> {
    const profile = mkdtempSync(join(tmpdir(), 'code-web-'));
    mkdirSync(options.artefacts, { recursive: true });
    const settings = {
      'git.enabled': false,
      'workbench.reduceMotion': 'on',
      'workbench.hover.delay': 60_000,
      'editor.cursorBlinking': 'solid',
      ...options.settings,
    };
    installExtension(places, { profile, vsix: options.vsix });
    const { restricted = false } = options;
    const server = await startServer(places, { profile, settings, restricted, log: join(options.artefacts, 'window-server.log') });
    let window: VSCodeWindow | undefined;
    try {
      const { browser, page } = await openBrowser(places);
      window = new VSCodeWindow({ page, browser, server, profile });
      page.setDefaultTimeout(patience);
      await page.addInitScript(keepNotifications);
      await page.goto(workbenchAddress(server.port, { folder: options.folder, payload: [['skipWelcome', 'true']] }));
      await window.#ready();
      return window;
    } catch (error) {
      await window?.picture(join(options.artefacts, 'FAILED-to-open.png')).catch(() => undefined);
      await (window === undefined ? server.stop() : window.close());
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  /** Commands, views and debuggers of extensions exist only when their host is up. */
  async #ready(): Promise<void> {
    await this.page.locator('.monaco-workbench').waitFor();
    await until('the extension host', () => this.#hostStarts() > 0);
  }

  /** How often an extension host has come up. */
  #hostStarts(): number {
    return extensionHostLogs(this.#server.userData).filter((log) => readFileSync(log, 'utf8').includes('Eager extensions activated'))
      .length;
  }

  /** Runs the command with exactly this title, through the command palette. */
  async runCommand(title: string): Promise<void> {
    await this.#quickPick('F1', `>${title}`, title);
  }

  /** Changes the colour theme, by its name in the picker. */
  async setTheme(name: string): Promise<void> {
    await this.runCommand('Preferences: Color Theme');
    await this.page.locator(input).fill(name);
    await this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: name }).waitFor();
    await this.page.keyboard.press('Enter');
    await until(`the theme ${name}`, async () => {
      const shown = await Promise.all(this.page.frames().map(themeOf));
      return shown.every((theme) => theme === undefined || theme === name);
    });
    await sleep(settled);
  }

  /** Opens a file of the folder, at a line. */
  async openFile(path: string, line = 1): Promise<void> {
    await this.#quickPick('Control+p', `${path}:${line}`, basename(path));
    await this.page.locator('.tab.active', { hasText: basename(path) }).waitFor();
    await this.page.locator('.editor-instance .view-lines').first().waitFor();
  }

  /** Shows an editor or panel that is open; its tab may lie below the debug toolbar. */
  async showTab(name: string): Promise<void> {
    await this.#quickPick('Control+p', `edt ${name}`, name);
    await this.page.locator('.tab.active', { hasText: name }).waitFor();
  }

  /** Starts the launch configuration of this name, which may ask something first. */
  async launch(name: string): Promise<void> {
    await this.#quickPick('Control+p', `debug ${name}`, name);
  }

  /** Starts the launch configuration of this name, and waits until its threads are shown. */
  async debug(name: string): Promise<void> {
    await this.launch(name);
    await this.page.locator('.debug-toolbar').waitFor();
    await this.showView('Run and Debug');
    await this.page.locator('.debug-call-stack .monaco-list-row').first().waitFor();
  }

  /**
   * Opens quick open by a key, types, and chooses the row that has `text`: before the filter has run, the first row is a
   * recent one. What starts up meanwhile may take the focus, which closes the list: it is opened again.
   */
  async #quickPick(key: string, typed: string, text: string): Promise<void> {
    await this.#again(async (timeout) => {
      await this.page.keyboard.press(key);
      await this.page.locator(input).fill(typed, { timeout });
      await this.pickerRow(text).click({ timeout });
      // It has heard the click when it is gone, or asks for something else.
      await this.page.waitForFunction(
        ([selector, value]) =>
          ![...document.querySelectorAll<HTMLInputElement>(selector)].some((box) => box.checkVisibility() && box.value === value),
        [inputBox, typed] as const,
        { timeout },
      );
    });
  }

  /** Tries until it works; before another attempt, Escape closes what is half open. */
  async #again(run: (timeout: number) => Promise<unknown>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await run(closing * attempt);
        return;
      } catch (error) {
        if (attempt === attempts) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** A row of the open quick pick. */
  pickerRow(text: string | RegExp): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: text }).first();
  }

  /** Chooses a row of the quick pick that is open, or about to open; `placeholder` tells it from the one before. */
  async pick(text: string | RegExp, placeholder?: string): Promise<void> {
    if (placeholder !== undefined) await this.page.locator(`${input}[placeholder="${placeholder}"]`).waitFor();
    const row = this.pickerRow(text);
    await until(`the choice ${String(text)}`, async () => {
      // Rows that are filled in late move under the mouse.
      await row.click({ timeout: closing }).catch(() => undefined);
      await sleep(settled);
      return !(await row.isVisible());
    });
  }

  /** Types into the input box that is open, or about to open, and takes it. */
  async answer(text: string): Promise<void> {
    await this.page.locator(input).fill(text);
    await this.page.keyboard.press('Enter');
  }

  /**
   * Chooses an entry of the context menu of `target`, and tries again until `chosen` is there: a menu that has just opened
   * passes over clicks, and one under the mouse may close.
   */
  async chooseInMenu(target: Locator, entry: string | RegExp, chosen: Locator): Promise<void> {
    await this.#again(async (timeout) => {
      await target.click({ button: 'right', timeout });
      const item = this.page.locator('.monaco-menu .action-item').filter({ hasText: entry }).first();
      await item.waitFor({ timeout });
      await sleep(settled);
      await item.click({ timeout });
      await chosen.waitFor({ timeout });
    });
  }

  /** All that notifications and dialogs have said since the page was loaded. */
  notifications(): Promise<string[]> {
    return this.page.evaluate(() => [...((globalThis as { pagewalkNotifications?: Set<string> }).pagewalkNotifications ?? [])]);
  }

  /** Waits until a notification or dialog has said something like `words`. */
  async message(words: RegExp): Promise<void> {
    await until(`a message ${String(words)}`, async () => (await this.notifications()).some((text) => words.test(text)));
  }

  /** Presses a button of a notification, until that is gone. */
  async pressInMessage(button: string): Promise<void> {
    const target = this.page.locator('.notifications-toasts .monaco-button', { hasText: button }).first();
    await target.waitFor();
    await until(`the end of the message with ${button}`, async () => {
      await target.click({ timeout: closing }).catch(() => undefined);
      await sleep(settled);
      return !(await target.isVisible());
    });
  }

  /** Shows a container of the activity bar. */
  async showView(title: string): Promise<void> {
    const tab = this.page.locator(`.part.activitybar a.action-label[aria-label^="${title}"]`).first();
    await tab.waitFor();
    await until(`the view ${title}`, async () => {
      if ((await tab.locator('xpath=ancestor::li[1]').getAttribute('aria-selected')) === 'true') return true;
      // A badge may lie over the icon.
      await tab.click({ force: true });
      await sleep(settled);
      return false;
    });
    await this.parkMouse();
  }

  /** A row of a tree or list in the part of the window that `within` selects. */
  row(text: string | RegExp, within: string): Locator {
    return this.page.locator(`${within} .monaco-list-row`).filter({ hasText: text }).first();
  }

  /** A row of a tree or list that may be longer than its part of the window: VS Code draws only the rows that fit. */
  async reveal(text: string | RegExp, within: string): Promise<Locator> {
    const row = this.row(text, within);
    const list = this.page.locator(`${within} .monaco-list`).first();
    // From the top, twice as far each time, for rows come late; two rows of what was in view stay.
    let [turns, most] = [0, 0];
    await until(`${String(text)} in view`, async () => {
      // Rows just beyond the edges are drawn too.
      if ((await row.isVisible()) && (await isInside(row, list))) return true;
      const height = (await list.boundingBox())?.height ?? 0;
      if (turns >= most) [turns, most] = [0, Math.max(4, 2 * most)];
      else turns++;
      await turnWheel(list, turns === 0 ? -100_000 : Math.max(40, height - 44));
      await sleep(settled / 2);
      return false;
    });
    return row;
  }

  /** Unfolds a row of a tree. What is drawn anew under the mouse takes no click: it is clicked until it is unfolded. */
  async expand(text: string | RegExp, within: string): Promise<void> {
    await until(`${String(text)} unfolded`, async () => {
      const row = await this.reveal(text, within);
      if ((await row.getAttribute('aria-expanded', { timeout: closing }).catch(() => null)) === 'true') return true;
      await row
        .locator('.monaco-tl-twistie')
        .click({ timeout: closing })
        .catch(() => undefined);
      await sleep(settled);
      return false;
    });
  }

  /** Clicks until `shown` is there; for what may be clicked twice. */
  async clickFor(target: () => Locator | Promise<Locator>, shown: Locator): Promise<void> {
    await until('what a click shows', async () => {
      await (await target()).click({ timeout: closing }).catch(() => undefined);
      return comes(shown);
    });
  }

  /** Types an expression into the debug console, until `answer` stands there. */
  async evaluate(expression: string, answer: string | RegExp): Promise<void> {
    const box = this.page.locator('.repl-input-wrapper .monaco-editor');
    await until(`an answer to ${expression}`, async () => {
      await this.runCommand('Debug Console: Focus on Debug Console View');
      if (!(await comes(box.and(this.page.locator('.focused'))))) return false;
      await this.page.keyboard.press('Control+a');
      await this.page.keyboard.type(expression);
      // The list of completions, where it is open, would take the Enter.
      await this.page.keyboard.press('Escape');
      await this.page.keyboard.press('Enter');
      return comes(this.page.locator('.repl .monaco-list-row', { hasText: answer }).first());
    });
  }

  /**
   * Moves the mouse on `text` in the active editor, and gives what the hover says, when it says something like `wanted`: what
   * several have to say comes one after the other.
   */
  async hover(text: string, wanted = /./): Promise<string> {
    const hovers = this.page.locator('.monaco-hover:visible .monaco-hover-content, .debug-hover-widget:visible');
    let said = '';
    await until(`a hover on ${text}`, async () => {
      // A hover comes when the mouse moves and then rests.
      // Lenses come late and push lines down.
      const { x, y } = await this.#place(text);
      await this.page.mouse.move(x - 4, y);
      await this.page.mouse.move(x, y, { steps: 4 });
      await sleep(settled * 3);
      said = (await hovers.allInnerTexts()).join('\n').replaceAll('\u00a0', ' ').trim();
      return wanted.test(said) && !said.startsWith('Loading');
    });
    return said;
  }

  async #place(text: string): Promise<{ x: number; y: number }> {
    const line = this.page.locator('.editor-group-container.active .view-line', { hasText: text }).first();
    await line.waitFor();
    const box = await line.evaluate((element, wanted) => {
      const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const at = (node.textContent ?? '').replaceAll('\u00a0', ' ').indexOf(wanted);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        const { left, top, width, height } = range.getBoundingClientRect();
        return { x: left + width / 2, y: top + height / 2 };
      }
      return undefined;
    }, text);
    if (box === undefined) throw new Error(`${text} is not in one piece of a line`);
    return box;
  }

  /** The document of the visible webview that has an element `selector`. */
  async webview(selector: string): Promise<Frame> {
    let found: Frame | undefined;
    await until(`a webview with ${selector}`, async () => {
      for (const frame of this.page.frames()) {
        if (frame.parentFrame() === null || frame.isDetached()) continue;
        if (await isShown(frame, selector)) found = frame;
      }
      return found !== undefined;
    });
    if (found === undefined) throw new Error('no webview');
    return found;
  }

  /** Loads the window anew. (The browser's own reload would leave VS Code no time to write what it keeps.) */
  async reload(): Promise<void> {
    const before = this.#hostStarts();
    await this.runCommand('Developer: Reload Window');
    await until('the extension host anew', () => this.#hostStarts() > before);
  }

  /** Processes below the server's whose command line has `words`. */
  processes(words: string): number[] {
    return processesBelow(this.#server.process.pid ?? 0, words);
  }

  /** Waits until there is one such process, and gives its id. */
  async onlyProcess(words: string): Promise<number> {
    await until(`one process ${words}`, () => this.processes(words).length === 1);
    return this.processes(words)[0] ?? 0;
  }

  /** Away from anything with a tooltip. */
  async parkMouse(): Promise<void> {
    await this.page.mouse.move(1000, 1);
  }

  async picture(file: string): Promise<void> {
    await sleep(settled);
    mkdirSync(dirname(file), { recursive: true });
    await this.page.screenshot({ path: file });
  }
}

/**
 * The wheel is turned for the list itself, not for what lies under the mouse: the tooltip of a row may lie over the list, and so
 * does the header that sticks to its top, which takes the wheel and scrolls nothing. Towards the end where `pixels` is positive:
 * VS Code reads `wheelDeltaY`, which is the opposite, but which Chromium sets to `deltaY` itself in an event that a script makes.
 */
async function turnWheel(list: Locator, pixels: number): Promise<void> {
  const scrolled = list.locator('.monaco-scrollable-element').first();
  await scrolled.evaluate((element, deltaY) => element.dispatchEvent(new WheelEvent('wheel', { deltaY, bubbles: true })), -pixels);
}

/** Whether it is there before long. */
export function comes(what: Locator): Promise<boolean> {
  return what.waitFor({ timeout: closing }).then(
    () => true,
    () => false,
  );
}

/** The name of the colour theme in the page of a webview that is shown; undefined of other frames. */
async function themeOf(frame: Frame): Promise<string | undefined> {
  if (!(await isShown(frame, 'body[data-vscode-theme-name]'))) return undefined;
  return frame.evaluate(() => document.body.dataset['vscodeThemeName']).catch(() => undefined);
}

async function isInside(inner: Locator, outer: Locator): Promise<boolean> {
  const box = (element: Locator): ReturnType<Locator['boundingBox']> => element.boundingBox({ timeout: closing }).catch(() => null);
  const [one, other] = await Promise.all([box(inner), box(outer)]);
  return one !== null && other !== null && one.y >= other.y - 1 && one.y + one.height <= other.y + other.height + 1;
}

/** Frames come and go while a webview loads: one that goes while it is asked is not shown. */
async function isShown(frame: Frame, selector: string): Promise<boolean> {
  try {
    const outer = await frame.parentFrame()?.frameElement();
    return (await outer?.isVisible()) === true && (await frame.$(selector)) !== null;
  } catch {
    return false;
  }
}

/** Runs in the page: notifications go away by themselves, so what they say is kept. */
function keepNotifications(): void {
  const said = new Set<string>();
  (globalThis as { pagewalkNotifications?: Set<string> }).pagewalkNotifications = said;
  setInterval(() => {
    for (const element of document.querySelectorAll('.notification-list-item-message, .monaco-dialog-box .dialog-message-row'))
      said.add(element.textContent.trim());
  }, 250);
}

/** Polls until `holds` gives true; what does not become so is an error. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not come within ${patience / 1000} s`);
    await sleep(100);
  }
}

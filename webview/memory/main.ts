/**
 * The memory page: bytes of any address space or of physical memory in a grid without ends, under heads that say what each
 * page is, with a type laid over them, search, and the ways that pointers go.
 */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { TemplateResult } from 'lit';
import { RowSlots } from '../panel/row-slots.ts';
import { Jog } from './jog.ts';
import { groupWidth, hex, numberOf, numberText } from './numbers.ts';
import type { NumberStyle } from './numbers.ts';
import { optionsView } from './options.ts';
import { overlayPane } from './overlay-pane.ts';
import { api, MemoryPage } from './page.ts';
import { legend, rowView, shapeOf } from './rows.ts';
import type { RowModel } from './rows.ts';
import { toolbar } from './toolbar.ts';

class MemoryElement extends MemoryPage {
  #observer: ResizeObserver | undefined;
  readonly #slots = new RowSlots();
  readonly #jog = new Jog();
  #wheel = 0;
  #optionsOpen = false;

  override connectedCallback(): void {
    super.connectedCallback();
    document.body.addEventListener('keydown', this.#pageKey);
  }

  override disconnectedCallback(): void {
    document.body.removeEventListener('keydown', this.#pageKey);
    this.#observer?.disconnect();
    super.disconnectedCallback();
  }

  protected override render(): TemplateResult {
    if (this.session === undefined || (this.session.state === 'none' && this.segments.length === 0)) {
      return this.empty(l10n.t('the bytes of its memory'));
    }
    return html`${this.#toolbar()}${this.#optionsOpen ? this.#options() : nothing}${this.endedBanner(l10n.t('This is a snapshot of what was read.'))}
      <div class="body">${this.#grid()}${this.#scrollbar()}${this.#pane()}</div>
      ${this.#status()}`;
  }

  protected override updated(): void {
    const grid = this.querySelector('.grid');
    if (grid === null || this.#observer !== undefined) return;
    this.#observer = new ResizeObserver(() => {
      this.#measure(grid);
      this.requestUpdate();
    });
    this.#observer.observe(grid);
    // Its size is that of the font.
    for (const ruler of grid.querySelectorAll('.ruler')) this.#observer.observe(ruler);
    this.#measure(grid);
  }

  #measure(grid: Element): void {
    const ruler = grid.querySelector('.ruler');
    const character = (ruler?.getBoundingClientRect().width ?? 80) / 10;
    const rows = Math.max(1, Math.floor(grid.clientHeight / this.text.row));
    const style = this.#style();
    const room = grid.clientWidth / character - this.#digits - 5;
    const widthOf = (bytes: number): number => (bytes / style.group) * (groupWidth(style) + 1) + Math.floor(bytes / 8) + bytes + 1;
    const fits = [64, 32, 16, 8, 4].find((bytes) => widthOf(bytes) <= room && bytes >= style.group) ?? Math.max(4, style.group);
    const most = Math.min(fits, 16);
    if (rows === this.rowsInView && most === this.roomPerRow) return;
    this.resize(rows, most);
  }

  get #digits(): number {
    return this.kept.physical ? 12 : this.pointerSize * 2;
  }

  #style(): NumberStyle {
    const { group, form } = this.kept;
    return { group, form, littleEndian: this.littleEndian };
  }

  #toolbar(): TemplateResult {
    const { back, forward, locked, kcore, physical, group, mm, address } = this.kept;
    return toolbar({
      ...{ width: this.clientWidth, space: this.#spaceWords(), address, view: `${group} × ${this.perRow / group}` },
      ...{ optionsOpen: this.#optionsOpen, canGoBack: back.length > 0, canGoForward: forward.length > 0 },
      ...{ live: this.live, physical, watches: this.watches, kcore, locked },
      goBack: () => {
        this.goBack();
      },
      goForward: () => {
        this.goForward();
      },
      chooseSpace: () => {
        api.postMessage({ kind: 'chooseSpace' });
      },
      goToKey: this.#goToKey,
      toggleOptions: () => {
        this.#optionsOpen = !this.#optionsOpen;
        this.requestUpdate();
      },
      follow: () => {
        this.follow();
      },
      showWalk: () => {
        this.#command('showTranslation');
      },
      watch: () => {
        this.#command('breakWhenChanged');
      },
      toggleKcore: () => {
        this.setKept({ kcore: !kcore });
        this.reload();
        this.requestUpdate();
      },
      toggleLock: () => {
        this.setKept({ locked: !locked });
        api.postMessage({ kind: 'lock', locked: !locked });
        this.requestUpdate();
      },
      openAnother: () => {
        api.postMessage({ kind: 'another', address: hex(this.cursor), mm, physical });
      },
    });
  }

  #options(): TemplateResult {
    return optionsView({
      options: this.kept,
      type: this.kept.overlay?.type ?? '',
      searching: this.searching,
      patternCheck: this.patternCheck,
      hits: this.hits,
      hitAt: this.hitAt,
      change: (change) => {
        this.setKept(change);
        this.place = this.lines.line(this.place);
        this.#observer?.disconnect();
        this.#observer = undefined;
        this.requestUpdate();
      },
      lay: (type) => {
        api.postMessage({ kind: 'layout', type, address: hex(this.cursor) });
      },
      search: (pattern) => {
        this.search(pattern);
      },
      go: (by) => {
        this.goToHit(by);
      },
    });
  }

  #grid(): TemplateResult {
    const shown = this.lines.from(this.place, this.rowsInView);
    const { keptHead } = this;
    const style = this.#style();
    const [low, high] = this.cursor < this.anchor ? [this.cursor, this.anchor] : [this.anchor, this.cursor];
    const model: RowModel = {
      ...{ segments: this.segments, style, perRow: this.perRow, digits: this.#digits, physical: this.kept.physical },
      isRefused: (address) => this.isRefused(address),
      ...{ cursor: this.cursor, selection: [low, high + 1n] as const, overlay: this.overlay },
      ...{ found: this.found, edits: this.edits },
    };
    const lines = shown.map((line, at) => ({ id: `${line.kind}${line.address}`, shape: shapeOf(line), line, top: at * this.text.row }));
    const group = this.cursor - (this.cursor % BigInt(style.group));
    const inView = shown.some((line) => (line.kind === 'bytes' || line.kind === 'gone') && group >= line.address && group < line.end);
    return html`<div
      class="grid"
      role="grid"
      id="bytes"
      tabindex="0"
      aria-label=${l10n.t('Bytes')}
      aria-rowcount="-1"
      aria-multiselectable="true"
      aria-activedescendant=${inView ? `b${group.toString(16)}` : nothing}
      style="--group:${groupWidth(style)}ch;--row:${this.text.row}px"
      @wheel=${this.#turn}
      @keydown=${this.#key}
      @mousedown=${this.#press}
      @dblclick=${() => {
        this.follow();
      }}
    >
      <span class="ruler" role="presentation" aria-hidden="true">0000000000</span>
      ${repeat(
        this.#slots.arrange(lines, this.moving),
        ({ slot }) => slot,
        ({ row: { line, top } }) => rowView(line, top, model),
      )}
      ${keptHead === undefined ? nothing : html`<div class="kept" aria-hidden="true">${rowView(keptHead, 0, model)}</div>`}
    </div>`;
  }

  #scrollbar(): TemplateResult {
    return this.#jog.view({
      ...{ top: this.top, perRow: this.perRow, address: this.place.address },
      goTo: (address) => {
        this.scrollToAddress(address);
      },
      turnPage: (by) => {
        this.scrollLines(by * Math.max(1, this.rowsInView - 2));
      },
      turnWheel: this.#turn,
      changed: () => {
        this.requestUpdate();
      },
    });
  }

  #pane(): TemplateResult | typeof nothing {
    const { overlay } = this;
    if (overlay === undefined) return nothing;
    return overlayPane(overlay, {
      read: (offset) => this.byte(overlay.address + BigInt(offset)),
      littleEndian: !this.bigEndianMachine,
      cursor: this.cursor,
      goTo: (address) => {
        this.select(address, false);
      },
      follow: (address) => {
        this.select(address, false);
        this.follow();
      },
      close: () => {
        this.overlay = undefined;
        this.setKept({ overlay: null });
        this.requestUpdate();
      },
    });
  }

  #status(): TemplateResult {
    const { cursor, anchor } = this;
    const bytes = this.bytes(cursor, 8) ?? this.bytes(cursor, 4) ?? this.bytes(cursor, 1);
    const size = bytes?.length ?? 0;
    const value = bytes === undefined ? 0n : numberOf(bytes, this.littleEndian);
    const selected = (cursor < anchor ? anchor - cursor : cursor - anchor) + 1n;
    const part = this.overlay?.at(cursor);
    const segment = this.segments.at(cursor);
    const hole = segment?.missing.find(({ start, end }) => cursor >= start && cursor < end);
    return html`<div class="status">
      <span class="mono" role="status">${hex(cursor)}</span>
      ${selected > 1n ? html`<span>${l10n.t('{0} bytes selected', String(selected))}</span>` : nothing}
      ${
        bytes === undefined
          ? html`<span>${hole?.reason ?? (segment === undefined ? '' : l10n.t('no bytes'))}</span>`
          : html`<span class="mono">u${size * 8} ${numberText(value, size * 8, 'unsigned')}</span
              ><span class="mono">i${size * 8} ${numberText(value, size * 8, 'signed')}</span><span class="mono">${hex(value)}</span>`
      }
      ${part === undefined ? nothing : html`<span class="mono">${part.member.name} <span class="muted">${part.member.type}</span></span>`}
      ${this.digit === undefined ? nothing : html`<span>${l10n.t('typing {0}_', this.digit)}</span>`}
      ${this.writable ? html`<span>${l10n.t('can be written: type hexadecimal digits')}</span>` : nothing}
      ${this.problem === '' ? nothing : html`<span class="problem" role="alert">${this.problem}</span>`} ${legend()}
    </div>`;
  }

  #spaceWords(): string {
    const { mm, physical } = this.kept;
    if (physical) return l10n.t('Physical');
    const label = this.spaces.find(({ id }) => id === mm)?.label ?? mm;
    return l10n.t('Virtual · {0}', mm === 'kernel' ? 'kernel' : label);
  }

  #command(command: 'showTranslation' | 'breakWhenChanged'): void {
    api.postMessage({ kind: 'command', command, address: hex(this.cursor), mm: this.kept.mm });
  }

  #focusGrid(): void {
    this.querySelector<HTMLElement>('.grid')?.focus();
  }

  readonly #goToKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return;
    this.typed((event.currentTarget as HTMLInputElement).value);
    if (this.problem === '') this.#focusGrid();
  };

  readonly #turn = (event: WheelEvent): void => {
    event.preventDefault();
    this.#wheel += event.deltaMode === 0 ? event.deltaY / this.text.row : event.deltaY;
    const whole = Math.trunc(this.#wheel);
    if (whole === 0) return;
    this.#wheel -= whole;
    this.scrollLines(whole);
  };

  readonly #press = (event: MouseEvent): void => {
    const target = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-at], .letters') : null;
    const line = target?.closest<HTMLElement>('[data-address]');
    if (target === null || line === null || line === undefined) return;
    const at = target.dataset['at'] ?? String(this.#letterAt(target, event.clientX));
    this.select(BigInt(line.dataset['address'] ?? '0') + BigInt(at), event.shiftKey);
  };

  /** All letters are as wide. */
  #letterAt(letters: Element, x: number): number {
    const { left, width } = letters.getBoundingClientRect();
    return Math.min(this.perRow - 1, Math.max(0, Math.floor(((x - left) / width) * this.perRow)));
  }

  readonly #pageKey = (event: KeyboardEvent): void => {
    if (event.key === 'F3') this.goToHit(event.shiftKey ? -1 : 1);
    else if (event.altKey && event.key === 'ArrowLeft') this.goBack();
    else if (event.altKey && event.key === 'ArrowRight') this.goForward();
    else if ((event.ctrlKey || event.metaKey) && event.key === 'g') this.#focusField('.address-field');
    else if ((event.ctrlKey || event.metaKey) && event.key === 'f') {
      this.#optionsOpen = true;
      this.requestUpdate();
      void this.updateComplete.then(() => {
        this.#focusField('.search-field');
      });
    } else return;
    event.preventDefault();
  };

  #focusField(selector: string): void {
    const field = this.querySelector<HTMLInputElement & { wrappedElement?: HTMLInputElement }>(selector);
    field?.focus();
    field?.wrappedElement?.select();
  }

  readonly #key = (event: KeyboardEvent): void => {
    const { key, shiftKey, altKey } = event;
    const control = event.ctrlKey || event.metaKey;
    const { lines, cursor } = this;
    if (altKey) {
      if (key !== 'PageDown' && key !== 'PageUp') return;
      this.turnPage(key === 'PageDown' ? 1 : -1, shiftKey);
      event.preventDefault();
      return;
    }
    if (control && this.#controlKey(key)) {
      event.preventDefault();
      return;
    }
    const step = BigInt(this.kept.group);
    const row = lines.of(cursor);
    switch (key) {
      case 'ArrowLeft':
        this.select(cursor - step, shiftKey);
        break;
      case 'ArrowRight':
        this.select(row.kind === 'fold' ? row.end : cursor + step, shiftKey);
        break;
      case 'ArrowDown':
        this.#moveRows(1, shiftKey);
        break;
      case 'ArrowUp':
        this.#moveRows(-1, shiftKey);
        break;
      case 'PageDown':
        this.#moveRows(this.rowsInView - 2, shiftKey);
        break;
      case 'PageUp':
        this.#moveRows(2 - this.rowsInView, shiftKey);
        break;
      case 'Home':
        this.select(control ? 0n : row.address, shiftKey);
        break;
      case 'End':
        this.select(control ? this.top - 1n : row.kind === 'fold' ? row.address : row.end - 1n, shiftKey);
        break;
      case 'Enter':
        this.follow();
        break;
      default:
        if (!this.writable || control || this.kept.physical || this.kept.kcore || !/^[0-9a-f]$/i.test(key)) return;
        this.typeDigit(key);
        this.requestUpdate();
    }
    event.preventDefault();
  };

  /** Whether the key with Ctrl means something here. */
  #controlKey(key: string): boolean {
    switch (key) {
      case 'c':
        this.#copy();
        return true;
      case 'z':
        this.undo();
        return true;
      case 'y':
        this.redo();
        return true;
      // As in the editor: what is in view moves, and the cursor does not.
      case 'ArrowDown':
        this.scrollLines(1);
        return true;
      case 'ArrowUp':
        this.scrollLines(-1);
        return true;
      default:
        return false;
    }
  }

  /** The cursor by rows; heads are passed over. */
  #moveRows(by: number, extend: boolean): void {
    const { lines } = this;
    let line = lines.move(lines.of(this.cursor), by);
    if (line.kind === 'head') line = (by > 0 ? lines.next(line) : lines.previous(line)) ?? line;
    if (line.kind === 'head') line = lines.of(line.address);
    this.cursorTo(line, extend);
  }

  #copy(): void {
    const [low, high] = this.cursor < this.anchor ? [this.cursor, this.anchor] : [this.anchor, this.cursor];
    if (low === high) {
      api.postMessage({ kind: 'copy', text: hex(low) });
      return;
    }
    const text: string[] = [];
    for (let at = low; at <= high && text.length < 65_536; at++) text.push(this.byte(at)?.toString(16).padStart(2, '0') ?? '??');
    api.postMessage({ kind: 'copy', text: text.join(' ') });
  }
}

customElements.define('pagewalk-memory', MemoryElement);

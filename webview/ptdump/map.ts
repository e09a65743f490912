/** The address-space strip as a control: wheel and keys zoom, dragging or Shift+arrows brush, Enter selects the rows. */
import { html, LitElement } from 'lit';
import type { TemplateResult } from 'lit';
import { hexOfPage } from './table.ts';
import type { RegionTable } from './table.ts';
import { rangeText, Strip } from './strip.ts';
import type { PageRange, StripMark } from './strip.ts';

const keyStep = 12;

class MapElement extends LitElement {
  #strip: Strip | undefined;
  #table: RegionTable | undefined;
  #marks: readonly StripMark[] = [];
  #cursor = 0;
  #anchor: number | undefined;
  #dragged: { readonly y: number; readonly page: number } | undefined;
  #said = '';
  readonly #resized = new ResizeObserver(() => this.#strip?.draw());
  /** A theme is a class of the body. */
  readonly #themed = new MutationObserver(() => this.#strip?.draw());

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resized.observe(this);
    this.#themed.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  }

  override disconnectedCallback(): void {
    this.#resized.disconnect();
    this.#themed.disconnect();
    super.disconnectedCallback();
  }

  show(table: RegionTable, marks: readonly StripMark[]): void {
    this.#table = table;
    this.#marks = marks;
    this.#strip?.show(table, marks);
    this.#say();
  }

  set brush(range: PageRange | undefined) {
    if (this.#strip !== undefined) this.#strip.brush = range;
  }

  protected override firstUpdated(): void {
    const canvas = this.querySelector('canvas');
    if (canvas === null) return;
    this.#strip = new Strip(canvas);
    // Only a listener that is not passive may keep the page from scrolling.
    canvas.addEventListener('wheel', this.#wheel, { passive: false });
    if (this.#table !== undefined) this.#strip.show(this.#table, this.#marks);
  }

  protected override render(): TemplateResult {
    return html`<canvas
      role="slider"
      tabindex="0"
      aria-label="Address space. Arrows move, plus and minus zoom, Shift with arrows brushes, Enter selects the rows"
      aria-orientation="vertical"
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${this.#percent()}
      aria-valuetext=${this.#said}
      title=${this.#said}
      @keydown=${this.#key}
      @pointerdown=${this.#down}
      @pointermove=${this.#move}
      @pointerup=${this.#up}
      @dblclick=${this.#reset}
    ></canvas>`;
  }

  #percent(): number {
    const canvas = this.querySelector('canvas');
    if (canvas === null || this.#strip === undefined || canvas.clientHeight === 0) return 0;
    return Math.round(Math.min(100, Math.max(0, (100 * this.#strip.heightOf(this.#cursor)) / canvas.clientHeight)));
  }

  #say(mark?: StripMark): void {
    const name = this.#strip?.nameAt(this.#cursor) ?? '';
    this.#said = `${hexOfPage(this.#cursor)}${name === '' ? '' : ` · ${name}`}${mark === undefined ? '' : ` · ${mark.message}`}`;
    this.requestUpdate();
  }

  readonly #wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const strip = this.#strip;
    if (strip === undefined) return;
    if (event.shiftKey) strip.scroll((event.deltaY + event.deltaX) / 800);
    else strip.zoom(event.deltaY > 0 ? 1.25 : 0.8, strip.pageAt(event.offsetY));
  };

  readonly #down = (event: PointerEvent): void => {
    if (event.button !== 0 || this.#strip === undefined) return;
    (event.target as HTMLCanvasElement).setPointerCapture(event.pointerId);
    this.#dragged = { y: event.offsetY, page: this.#strip.pageAt(event.offsetY) };
  };

  readonly #move = (event: PointerEvent): void => {
    const strip = this.#strip;
    if (strip === undefined) return;
    this.#cursor = strip.pageAt(event.offsetY);
    strip.cursor = this.#cursor;
    this.#say(strip.markAt(event.offsetY));
    if (this.#dragged !== undefined && Math.abs(event.offsetY - this.#dragged.y) > 3)
      strip.brush = between(this.#dragged.page, this.#cursor);
  };

  readonly #up = (event: PointerEvent): void => {
    const dragged = this.#dragged;
    this.#dragged = undefined;
    if (dragged === undefined || this.#strip === undefined) return;
    const moved = Math.abs(event.offsetY - dragged.y) > 3;
    const mark = this.#strip.markAt(event.offsetY);
    const page = this.#strip.pageAt(event.offsetY);
    this.#choose(moved ? between(dragged.page, page) : between(mark?.page ?? page, mark?.page ?? page));
  };

  readonly #reset = (): void => {
    this.#strip?.reset();
  };

  #choose(range: PageRange): void {
    this.dispatchEvent(new CustomEvent<PageRange>('choose', { detail: range }));
    this.#said = rangeText(range);
    this.requestUpdate();
  }

  readonly #key = (event: KeyboardEvent): void => {
    const strip = this.#strip;
    const canvas = this.querySelector('canvas');
    if (strip === undefined || canvas === null) return;
    const step = { ArrowUp: -keyStep, ArrowDown: keyStep, PageUp: -keyStep * 8, PageDown: keyStep * 8 }[event.key];
    if (step !== undefined) {
      if (event.shiftKey) this.#anchor ??= this.#cursor;
      else this.#anchor = undefined;
      const y = strip.heightOf(this.#cursor) + step;
      if (y < 0 || y > canvas.clientHeight) strip.scroll(step / canvas.clientHeight);
      this.#cursor = strip.pageAt(Math.min(canvas.clientHeight - 1, Math.max(0, y)));
      strip.cursor = this.#cursor;
      strip.brush = this.#anchor === undefined ? undefined : between(this.#anchor, this.#cursor);
      this.#say();
    } else if (event.key === '+' || event.key === '=') strip.zoom(0.5, this.#cursor);
    else if (event.key === '-') strip.zoom(2, this.#cursor);
    else if (event.key === '0' || event.key === 'Home') strip.reset();
    else if (event.key === 'Enter') this.#choose(between(this.#anchor ?? this.#cursor, this.#cursor));
    else if (event.key === 'f' && this.#anchor !== undefined) strip.fit(between(this.#anchor, this.#cursor));
    else return;
    event.preventDefault();
  };
}

function between(one: number, other: number): PageRange {
  return { from: Math.min(one, other), to: Math.max(one, other) + 1 };
}

customElements.define('pagewalk-map', MapElement);

declare global {
  interface HTMLElementTagNameMap {
    'pagewalk-map': MapElement;
  }
}

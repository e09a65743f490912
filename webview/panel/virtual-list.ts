/** A long list of which only the rows in view are in the document: what panels need of the virtualizer. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { VirtualItem } from '@tanstack/virtual-core';

/** Pixels; the sheets say the same. */
export const rowHeight = 20;
/** Chromium lays out no element that is higher than 2^25 pixels. */
export const mostRows = 1_600_000;
/** Rows beyond the edges of the view that are in the document too. */
const overscan = 6;

export class VirtualList {
  readonly scroller: HTMLElement;
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #unmount: () => void;
  readonly #options: { readonly head: number; readonly cover: number };
  #count: number;

  /**
   * `changed`: other rows came into view. `head`: pixels at the top of the scroller that a sticky head covers, `cover`: those
   * of the first row below it that a group's sticky name may cover.
   */
  constructor(scroller: HTMLElement, count: number, options: { changed: () => void; head: number; cover: number }) {
    this.scroller = scroller;
    this.#options = options;
    this.#count = Math.min(mostRows, count);
    this.#virtualizer = new Virtualizer<HTMLElement, HTMLElement>({
      count: roomFor(this.#count),
      getScrollElement: () => scroller,
      estimateSize: () => rowHeight,
      overscan,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: options.changed,
    });
    this.#unmount = this.#virtualizer._didMount();
    this.#virtualizer._willUpdate();
  }

  /** Rows in view, and those just beyond. */
  get items(): readonly VirtualItem[] {
    const items = this.#virtualizer.getVirtualItems();
    return (items.at(-1)?.index ?? -1) < this.#count ? items : items.filter(({ index }) => index < this.#count);
  }

  /** Whether it has just been scrolled; when that is over, `changed` is called. */
  get moving(): boolean {
    return this.#virtualizer.isScrolling;
  }

  /** The first row that is in view. */
  get firstInView(): number {
    const scrolled = this.#virtualizer.scrollOffset ?? 0;
    return this.items.find(({ end }) => end > scrolled)?.index ?? 0;
  }

  /** Whole rows that the view has room for. */
  get page(): number {
    return Math.max(1, Math.floor(this.scroller.clientHeight / rowHeight) - 3);
  }

  /** Pixels of all rows together. */
  get height(): number {
    return this.#count * rowHeight;
  }

  /** To be called when the page has been drawn. */
  drawn(): void {
    this.#virtualizer._willUpdate();
  }

  /** To be followed by an update of the page. */
  setCount(count: number): void {
    this.#count = Math.min(mostRows, count);
    const room = roomFor(this.#count);
    const { options } = this.#virtualizer;
    if (room > options.count) this.#virtualizer.setOptions({ ...options, count: room });
  }

  /** Brings a row into view, as little as that takes, or into the middle. All rows are as high, so nothing has to be measured. */
  scrollTo(row: number, align: 'auto' | 'center' = 'auto'): void {
    const { head, cover } = this.#options;
    const room = this.scroller.clientHeight - head;
    const top = row * rowHeight;
    const scrolled = this.scroller.scrollTop;
    if (align === 'center') this.scroller.scrollTop = top - (room - rowHeight) / 2;
    else if (top < scrolled + cover) this.scroller.scrollTop = top - cover;
    else if (top + rowHeight > scrolled + room) this.scroller.scrollTop = top + rowHeight - room;
  }

  unmount(): void {
    this.#unmount();
  }
}

/** The virtualizer goes over all rows whenever their number changes: it is told of twice as many each time. */
function roomFor(count: number): number {
  return Math.min(mostRows, 2 ** Math.ceil(Math.log2(Math.max(1024, count))));
}

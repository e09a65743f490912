/** A long list of which only the rows in view are in the document: what panels need of the virtualizer. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { VirtualItem } from '@tanstack/virtual-core';

/** Chromium lays out no element that is higher than this many pixels. */
const mostPixels = 2 ** 25;
const mostRows = 1_600_000;
/** Rows beyond the edges of the view that are in the document too. */
const overscan = 6;

/** All in pixels. */
export interface Heights {
  readonly row: number;
  /** At the top of the scroller, what a sticky head covers. */
  readonly head: number;
  /** Of the first rows below that, what a group's sticky name may cover. */
  readonly cover: number;
}

export class VirtualList {
  readonly scroller: HTMLElement;
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #unmount: () => void;
  #heights: Heights;
  /** The first row in view, where rows have been given another height and are not drawn yet. */
  #first: number | undefined;
  #count: number;

  /** `changed`: other rows came into view. */
  constructor(scroller: HTMLElement, count: number, options: { changed: () => void; heights: Heights }) {
    this.scroller = scroller;
    this.#heights = options.heights;
    this.#count = Math.min(this.#most, count);
    this.#virtualizer = new Virtualizer<HTMLElement, HTMLElement>({
      count: roomFor(this.#count),
      getScrollElement: () => scroller,
      estimateSize: () => this.#heights.row,
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

  /** Rows that can be listed. */
  get #most(): number {
    return Math.min(mostRows, Math.floor(mostPixels / this.#heights.row));
  }

  /** Rows that are listed. */
  get count(): number {
    return this.#count;
  }

  /** Whole rows that the view has room for. */
  get page(): number {
    return Math.max(1, Math.floor(this.scroller.clientHeight / this.#heights.row) - 3);
  }

  /** Pixels of all rows together. */
  get height(): number {
    return this.#count * this.#heights.row;
  }

  /** To be called when the page has been drawn. */
  drawn(): void {
    this.#virtualizer._willUpdate();
    if (this.#first === undefined) return;
    this.scroller.scrollTop = this.#first * this.#heights.row;
    this.#first = undefined;
  }

  /** To be followed by an update of the page. */
  setCount(count: number): void {
    this.#count = Math.min(this.#most, count);
    const room = roomFor(this.#count);
    const { options } = this.#virtualizer;
    if (room > options.count) this.#virtualizer.setOptions({ ...options, count: room });
  }

  /** To be followed by an update of the page. The first row in view stays the first. */
  setHeights(heights: Heights, rows: number): void {
    this.#first = this.scroller.scrollTop / this.#heights.row;
    this.#heights = heights;
    this.setCount(rows);
    this.#virtualizer.measure();
  }

  /** Whether all of a row is in view, where the scroller is `height` pixels high. */
  isInView(index: number, height: number): boolean {
    const { row, head, cover } = this.#heights;
    const scrolled = this.#virtualizer.scrollOffset ?? 0;
    return index * row >= scrolled + cover && (index + 1) * row <= scrolled + height - head;
  }

  /** Brings a row into view, as little as that takes, or into the middle. All rows are as high, so nothing has to be measured. */
  scrollTo(index: number, align: 'auto' | 'center' = 'auto'): void {
    const { row, head, cover } = this.#heights;
    const room = this.scroller.clientHeight - head;
    const top = index * row;
    const scrolled = this.scroller.scrollTop;
    if (align === 'center') this.scroller.scrollTop = top - (room - row) / 2;
    else if (top < scrolled + cover) this.scroller.scrollTop = top - cover;
    else if (top + row > scrolled + room) this.scroller.scrollTop = top + row - room;
  }

  unmount(): void {
    this.#unmount();
  }
}

/** The virtualizer goes over all rows whenever their number changes: it is told of twice as many each time. */
function roomFor(count: number): number {
  return Math.min(mostRows, 2 ** Math.ceil(Math.log2(Math.max(1024, count))));
}

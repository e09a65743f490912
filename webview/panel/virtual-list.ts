/** A long list of which only the rows in view are in the document: what panels need of the virtualizer. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { VirtualItem } from '@tanstack/virtual-core';

/** Pixels; the sheets say the same. */
export const rowHeight = 20;
/** Chromium lays out no element that is higher than 2^25 pixels. */
export const mostRows = 1_600_000;
/** Rows beyond the edges of the view that are in the document too. */
const overscan = 12;

export class VirtualList {
  readonly scroller: HTMLElement;
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  readonly #unmount: () => void;

  /**
   * `changed`: other rows came into view. `head`: pixels at the top of the scroller that a sticky head covers, `cover`: those
   * of the first row below it that a group's sticky name may cover.
   */
  constructor(scroller: HTMLElement, count: number, options: { changed: () => void; head: number; cover: number }) {
    this.scroller = scroller;
    this.#virtualizer = new Virtualizer<HTMLElement, HTMLElement>({
      count: Math.min(mostRows, count),
      getScrollElement: () => scroller,
      estimateSize: () => rowHeight,
      overscan,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      scrollPaddingStart: options.cover,
      scrollPaddingEnd: options.head,
      onChange: options.changed,
    });
    this.#unmount = this.#virtualizer._didMount();
    this.#virtualizer._willUpdate();
  }

  /** Rows in view, and those just beyond. */
  get items(): readonly VirtualItem[] {
    return this.#virtualizer.getVirtualItems();
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
    return this.#virtualizer.getTotalSize();
  }

  /** To be called when the page has been drawn. */
  drawn(): void {
    this.#virtualizer._willUpdate();
  }

  setCount(count: number): void {
    this.#virtualizer.setOptions({ ...this.#virtualizer.options, count: Math.min(mostRows, count) });
    this.#virtualizer.measure();
  }

  scrollTo(row: number, align: 'auto' | 'center' = 'auto'): void {
    this.#virtualizer.scrollToIndex(row, { align });
  }

  unmount(): void {
    this.#unmount();
  }
}

/**
 * The address space as a strip. Each marker's part of it has room of its own, more for more memory, and is linear within;
 * the view zooms from all of it to one page. What can be seen by colour has a width of its own as well.
 */
import { hexOfPage, markerName, rightsClasses } from './table.ts';
import type { RegionTable, Rights } from './table.ts';

/** Something wrong at a page (address / 4096), in words. */
export interface StripMark {
  readonly page: number;
  readonly message: string;
}

/** Pages [from, to), each 4096 bytes. */
export interface PageRange {
  readonly from: number;
  readonly to: number;
}

interface Section extends PageRange {
  /** Where it lies in the strip, 0 to 1. */
  readonly top: number;
  readonly bottom: number;
  /** Of the first part of a marker's. */
  readonly name: string;
}

/** Size in CSS pixels, and the theme. */
interface Look {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  readonly style: CSSStyleDeclaration;
  readonly colour: (name: string, otherwise?: string) => string;
}

const lane = 30;
/** Beside the lane; less is room for no name. */
const leastForNames = 48;
const colours: Readonly<Record<Rights, string>> = {
  wx: '--vscode-charts-red',
  w: '--vscode-charts-blue',
  x: '--vscode-charts-green',
  ro: '--vscode-charts-yellow',
  hole: '--vscode-editor-background',
};
const widths: Readonly<Record<Rights, number>> = { wx: 1, w: 0.82, x: 0.6, ro: 0.4, hole: 0 };
/** Lines looked at for one pixel. */
const mostLines = 4000;

export class Strip {
  readonly #canvas: HTMLCanvasElement;
  #table: RegionTable | undefined;
  #sections: Section[] = [];
  #marks: readonly StripMark[] = [];
  #top = 0;
  #bottom = 1;
  #brush: PageRange | undefined;
  #cursor: number | undefined;
  #drawing = false;
  /** The bars and the names, which stay while one moves about; undefined when they are to be painted anew. */
  #ground: HTMLCanvasElement | undefined;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  show(table: RegionTable, marks: readonly StripMark[]): void {
    const other = table !== this.#table;
    this.#table = table;
    this.#marks = marks;
    this.#sections = sectionsOf(table);
    if (other) [this.#top, this.#bottom, this.#brush, this.#cursor] = [0, 1, undefined, undefined];
    this.draw();
  }

  set brush(range: PageRange | undefined) {
    this.#brush = range;
    this.#paintSoon();
  }

  set cursor(page: number | undefined) {
    this.#cursor = page;
    this.#paintSoon();
  }

  get zoomed(): boolean {
    return this.#bottom - this.#top < 1;
  }

  /** The page at a height of the strip in CSS pixels. */
  pageAt(y: number): number {
    return this.#pageOf(this.#top + (y / this.#canvas.clientHeight) * (this.#bottom - this.#top));
  }

  /** Where a page is drawn, in CSS pixels; outside the strip where it is out of view. */
  heightOf(page: number): number {
    return ((this.#positionOf(page) - this.#top) / (this.#bottom - this.#top)) * this.#canvas.clientHeight;
  }

  /** Zooms by `factor` about a page, and no further in than that one page fills the strip. */
  zoom(factor: number, page: number): void {
    const at = this.#positionOf(page);
    const share = (at - this.#top) / (this.#bottom - this.#top);
    const least = Math.max(this.#positionOf(page + 1) - at, 1e-15);
    const span = Math.min(1, Math.max((this.#bottom - this.#top) * factor, least));
    this.#view(at - Math.min(1, Math.max(0, share)) * span, span);
  }

  scroll(share: number): void {
    const span = this.#bottom - this.#top;
    this.#view(this.#top + share * span, span);
  }

  reset(): void {
    this.#view(0, 1);
  }

  /** Shows a range as large as it can be. */
  fit({ from, to }: PageRange): void {
    const top = this.#positionOf(from);
    this.#view(top, Math.max(this.#positionOf(to) - top, 1e-15));
  }

  #view(top: number, span: number): void {
    this.#top = Math.max(0, Math.min(1 - span, top));
    this.#bottom = this.#top + span;
    this.draw();
  }

  #positionOf(page: number): number {
    const section = this.#sections.find(({ from, to }) => page >= from && page < to);
    if (section === undefined)
      return page < (this.#sections[0]?.from ?? 0) ? 0 : (this.#sections.findLast(({ to }) => to <= page)?.bottom ?? 1);
    return section.top + ((page - section.from) / (section.to - section.from)) * (section.bottom - section.top);
  }

  #pageOf(position: number): number {
    const section = this.#sections.find(({ bottom }) => position < bottom) ?? this.#sections.at(-1);
    if (section === undefined) return 0;
    const share = Math.max(0, (position - section.top) / (section.bottom - section.top));
    return Math.min(section.to - 1, section.from + Math.floor(share * (section.to - section.from)));
  }

  /** The marker's name at a page. */
  nameAt(page: number): string {
    const table = this.#table;
    if (table === undefined) return '';
    let name = '';
    for (const line of table.markers) if ((table.startPages[line] ?? 0) <= page) name = markerName(table.texts[line] ?? '');
    return name;
  }

  /** What is wrong near a height of the strip. */
  markAt(y: number): StripMark | undefined {
    return this.#marks.find(({ page }) => Math.abs(this.heightOf(page) - y) < 5);
  }

  /** Draws all of it anew: it has another size, or there are other colours. */
  draw(): void {
    this.#ground = undefined;
    this.#paintSoon();
  }

  #paintSoon(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#paint();
    });
  }

  #paint(): void {
    const canvas = this.#canvas;
    const context = canvas.getContext('2d');
    const table = this.#table;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (context === null || table === undefined || height === 0) return;
    const scale = window.devicePixelRatio;
    const style = getComputedStyle(canvas);
    const colour = (name: string, otherwise = style.color): string => style.getPropertyValue(name).trim() || otherwise;
    this.#ground ??= this.#groundOf(table, { width, height, scale, style, colour });
    canvas.width = this.#ground.width;
    canvas.height = this.#ground.height;
    context.drawImage(this.#ground, 0, 0);
    context.scale(scale, scale);
    if (this.#brush !== undefined) {
      const from = Math.max(-2, this.heightOf(this.#brush.from));
      const to = Math.min(height + 2, this.heightOf(this.#brush.to));
      context.strokeStyle = colour('--vscode-focusBorder');
      context.lineWidth = 2;
      context.strokeRect(1, from, lane - 2, Math.max(3, to - from));
    }
    context.fillStyle = colour('--vscode-editorWarning-foreground');
    for (const { page } of this.#marks) {
      const y = this.heightOf(page);
      if (y < -4 || y > height + 4) continue;
      context.beginPath();
      context.moveTo(lane - 2, y);
      context.lineTo(lane + 7, y - 5);
      context.lineTo(lane + 7, y + 5);
      context.fill();
    }
    if (this.#cursor !== undefined) {
      const y = Math.round(this.heightOf(this.#cursor)) + 0.5;
      context.strokeStyle = colour('--vscode-foreground');
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(lane + 3, y);
      context.stroke();
    }
  }

  #groundOf(table: RegionTable, { width, height, scale, style, colour }: Look): HTMLCanvasElement {
    const ground = document.createElement('canvas');
    ground.width = Math.round(width * scale);
    ground.height = Math.round(height * scale);
    const context = ground.getContext('2d');
    if (context === null) return ground;
    context.scale(scale, scale);
    context.fillStyle = colour('--vscode-editorWidget-background', 'transparent');
    context.fillRect(0, 0, lane, height);
    const step = 1 / scale;
    const fills = new Map(rightsClasses.map((rights) => [rights, colour(colours[rights])]));
    for (let y = 0; y < height; y += step) {
      const rights = this.#rightsIn(table, this.pageAt(y), this.pageAt(y + step));
      if (rights === 'hole') continue;
      context.fillStyle = fills.get(rights) ?? style.color;
      context.fillRect(0, y, lane * widths[rights], step + 0.1);
    }
    context.strokeStyle = colour('--vscode-contrastBorder', colour('--vscode-panel-border'));
    context.strokeRect(0.5, 0.5, lane - 1, height - 1);
    this.#paintNames(context, { width, height, colour: colour('--vscode-foreground'), font: style.fontFamily });
    return ground;
  }

  #paintNames(context: CanvasRenderingContext2D, look: { width: number; height: number; colour: string; font: string }): void {
    if (look.width - lane < leastForNames) return;
    context.font = `11px ${look.font}`;
    context.fillStyle = look.colour;
    context.textBaseline = 'top';
    let free = 0;
    for (const { from, to, name } of this.#sections) {
      if (name === '') continue;
      const end = Math.max(this.heightOf(to), this.heightOf(this.#endOfPart(from)));
      const y = Math.max(this.heightOf(from), 0, free);
      if (y > look.height - 12 || end < 0 || y > Math.max(end, this.heightOf(from) + 14)) continue;
      context.fillText(shortened(context, name, look.width - lane - 10), lane + 10, y);
      free = y + 14;
    }
  }

  /** Where the part of the marker ends that begins at `from`. */
  #endOfPart(from: number): number {
    const at = this.#sections.findIndex((section) => section.from === from);
    return this.#sections.slice(at + 1).find(({ name }) => name !== '')?.from ?? this.#sections.at(-1)?.to ?? from;
  }

  /** The most dangerous rights between two pages. */
  #rightsIn(table: RegionTable, from: number, to: number): Rights {
    let worst: number = rightsClasses.length - 1;
    let line = table.firstFrom(from);
    for (let looked = 0; looked < mostLines && line < table.length; looked++, line++) {
      if ((table.startPages[line] ?? 0) > Math.max(from, to - 1)) break;
      const rights = table.kind(line)?.rights;
      if (rights !== undefined) worst = Math.min(worst, rightsClasses.indexOf(rights));
      if (worst === 0) break;
    }
    return rightsClasses[worst] ?? 'hole';
  }
}

/** Each marker's part is cut into what lies before, in and behind its mapped memory. */
function sectionsOf(table: RegionTable): Section[] {
  const parts: { from: number; to: number; name: string; weight: number }[] = [];
  const last = table.length - 1;
  const bounds = table.markers.length === 0 || table.markers[0] !== 0 ? [0, ...table.markers] : table.markers;
  for (let index = 0; index < bounds.length; index++) {
    const first = bounds[index] ?? 0;
    const behind = (bounds[index + 1] ?? last + 1) - 1;
    const name = table.isMarker(first) ? markerName(table.texts[first] ?? '') : '';
    const from = table.startPages[first] ?? 0;
    const to = table.endPages[behind] ?? from;
    if (to <= from) continue;
    let low = first;
    while (low <= behind && table.kind(low)?.present !== true) low++;
    let high = behind;
    while (high > low && table.kind(high)?.present !== true) high--;
    const push = (start: number, end: number, weight: number): void => {
      if (end > start) parts.push({ from: start, to: end, name: parts.at(-1)?.to === start && start !== from ? '' : name, weight });
    };
    if (low > behind) {
      push(from, to, 0.5);
      continue;
    }
    const start = table.startPages[low] ?? from;
    const end = table.endPages[high] ?? to;
    push(from, start, 0.3);
    push(start, end, 2 + Math.log2(end - start) / 4);
    push(end, to, 0.3);
  }
  const whole = parts.reduce((sum, { weight }) => sum + weight, 0);
  let top = 0;
  return parts.map(({ from, to, name, weight }) => {
    const bottom = top + weight / whole;
    const section = { from, to, name, top, bottom };
    top = bottom;
    return section;
  });
}

function shortened(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

/** The range as addresses, the end exclusive; that of the whole space has 65 bits. */
export function rangeText({ from, to }: PageRange): string {
  return `${hexOfPage(from)}-${to >= 2 ** 52 ? '0x10000000000000000' : hexOfPage(to)}`;
}

/**
 * The grip beside the bytes. No bar can stand for 2^64 bytes line by line, so the grip rests in the middle and is pulled away
 * from there: the first pixels go by rows, and every further one goes farther, up to the end of the space at the end of the
 * bar. Let go of, it springs back. A tick beside it tells where in all of the space one is.
 */
import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { TemplateResult } from 'lit';
import { hex, sizeText } from './numbers.ts';

/** Pixels; memory.css says the same. */
const gripHeight = 48;

/** What the grip moves through: bytes [0, top), in rows of as many bytes. */
export interface JogSpace {
  readonly top: bigint;
  readonly perRow: number;
}

/**
 * Where a pull leads that began at `start`. `share`: how far of the way to the bar's end, -1 to 1. The number of rows grows by
 * the same factor with each pixel, so that both one row and the space's end can be reached from everywhere.
 */
export function pulledTo(start: bigint, share: number, { top, perRow }: JogSpace): bigint {
  const reach = share > 0 ? top - 1n - start : start;
  const part = Math.min(1, Math.abs(share));
  if (part === 1) return share > 0 ? top - 1n : 0n;
  const rows = 2 ** (Math.log2(Number(reach) / perRow + 1) * part) - 1;
  const distance = BigInt(Math.floor(rows)) * BigInt(perRow);
  const far = distance < reach ? distance : reach;
  return share > 0 ? start + far : start - far;
}

interface Pull {
  readonly y: number;
  readonly start: bigint;
  readonly room: number;
}

/** Where the grip stands, and what moving it does. */
export interface JogModel extends JogSpace {
  /** First address in view. */
  readonly address: bigint;
  /** Goes to an address while the grip is pulled. */
  readonly goTo: (address: bigint) => void;
  readonly turnPage: (by: 1 | -1) => void;
  readonly turnWheel: (event: WheelEvent) => void;
  /** The grip is drawn anew. */
  readonly changed: () => void;
}

export class Jog {
  #pull: Pull | undefined;
  /** Pixels from the middle. */
  #offset = 0;

  view(model: JogModel): TemplateResult {
    const { address, top } = model;
    const share = Number((address * 1_000_000n) / top) / 1_000_000;
    return html`<div
      class="scroll"
      role="scrollbar"
      aria-label=${l10n.t('Address')}
      aria-controls="bytes"
      aria-orientation="vertical"
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${Math.round(share * 100)}
      aria-valuetext=${hex(address)}
      title=${l10n.t('Pull the grip: a little goes by rows, far goes to the end of the space. Above and below it: a page')}
      @wheel=${model.turnWheel}
      @pointerdown=${(event: PointerEvent) => {
        this.#press(event, model);
      }}
      @pointermove=${(event: PointerEvent) => {
        this.#move(event, model);
      }}
      @pointerup=${() => {
        this.#release(model);
      }}
      @pointercancel=${() => {
        this.#release(model);
      }}
    >
      <i class="where" style="top:${(share * 100).toFixed(3)}%"></i>
      <div class="grip" style="top:calc(50% - ${gripHeight / 2 - this.#offset}px)"></div>
      ${this.#pull === undefined ? nothing : this.#distance(this.#pull, address)}
    </div>`;
  }

  #distance({ start }: Pull, address: bigint): TemplateResult {
    const far = address < start ? start - address : address - start;
    return html`<output class="pulled" style="top:calc(50% + ${this.#offset}px)"
      >${hex(address)} ${far === 0n ? nothing : `${address < start ? '−' : '+'}${sizeText(far)}`}</output
    >`;
  }

  #press(event: PointerEvent, model: JogModel): void {
    if (event.button !== 0) return;
    const bar = event.currentTarget as HTMLElement;
    const { top, height } = bar.getBoundingClientRect();
    const away = event.clientY - (top + height / 2);
    if (Math.abs(away) > gripHeight / 2) {
      model.turnPage(away > 0 ? 1 : -1);
      return;
    }
    bar.setPointerCapture(event.pointerId);
    this.#pull = { y: event.clientY, start: model.address, room: Math.max(1, (height - gripHeight) / 2) };
    model.changed();
  }

  #move(event: PointerEvent, model: JogModel): void {
    const pull = this.#pull;
    if (pull === undefined) return;
    this.#offset = Math.min(pull.room, Math.max(-pull.room, event.clientY - pull.y));
    model.goTo(pulledTo(pull.start, this.#offset / pull.room, model));
  }

  #release(model: JogModel): void {
    this.#pull = undefined;
    this.#offset = 0;
    model.changed();
  }
}

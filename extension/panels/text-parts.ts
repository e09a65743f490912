/** A long text that a page hands over in parts. */
import type { TextPart } from '../../debug-adapter/protocol/panel.ts';

export class TextParts {
  #parts: string[] = [];

  /** The whole text with its last part; undefined while others follow. One that the page gave up is forgotten when another begins. */
  add({ text, part = 0, more }: TextPart): string | undefined {
    if (part === 0) this.#parts = [];
    this.#parts.push(text);
    if (more === true) return undefined;
    const whole = this.#parts.join('');
    this.#parts = [];
    return whole;
  }
}

/** A long text for other programs that is being made, and handed over in parts, between frames; and how far it is. */
import * as l10n from '@vscode/l10n';
import type { TextPart } from '../../debug-adapter/protocol/panel.ts';
import { SlicedWork } from './sliced-work.ts';

/** Characters of a part at which it is long enough: a message of many millions would be a step of its own. */
const partLength = 500_000;

export class LongText {
  readonly #work = new SlicedWork();
  /** How far it is, in words; empty while none is being made. */
  said = '';

  /** Makes a text and hands it over in parts; one that is not yet done is given up. `changed` follows whatever `said` says. */
  make(text: Generator<number, string[]>, { changed, hand }: { changed: () => void; hand: (part: TextPart) => void }): void {
    const say = (words: string): void => {
      this.said = words;
      changed();
    };
    this.#work.start(handedOver(text, hand), {
      progress: (share) => {
        say(l10n.t('writing… {0} %', Math.floor(100 * share)));
      },
      done: () => {
        say('');
      },
    });
  }
}

function* handedOver(text: Generator<number, string[]>, hand: (part: TextPart) => void): Generator<number, void> {
  const pieces = yield* text;
  let [part, from, length] = [0, 0, 0];
  for (const [at, piece] of pieces.entries()) {
    length += piece.length;
    const more = at < pieces.length - 1;
    if (more && length < partLength) continue;
    hand({ text: pieces.slice(from, at + 1).join(''), part, ...(more && { more }) });
    [part, from, length] = [part + 1, at + 1, 0];
    yield 1;
  }
  if (pieces.length === 0) hand({ text: '', part });
}

/** A long text for other programs that is being made, between frames, and how far it is. */
import * as l10n from '@vscode/l10n';
import { SlicedWork } from './sliced-work.ts';

export class LongText {
  readonly #work = new SlicedWork();
  /** How far it is, in words; empty while none is being made. */
  said = '';

  /** Makes a text; one that is not yet done is given up. `changed` follows whatever `said` says. */
  make(text: Generator<number, string>, { changed, done }: { changed: () => void; done: (text: string) => void }): void {
    const say = (words: string): void => {
      this.said = words;
      changed();
    };
    this.#work.start(text, {
      progress: (share) => {
        say(l10n.t('writing… {0} %', Math.floor(100 * share)));
      },
      done: (whole) => {
        say('');
        done(whole);
      },
    });
  }
}

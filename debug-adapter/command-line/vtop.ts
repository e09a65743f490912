/** The verb `vtop`. It opens no more of an image than a translation needs, for scripts start it for one address each. */
import type { Command } from 'commander';
import { openToTranslate } from '../session/opened-image.ts';
import { addressArgument } from './arguments.ts';
import { translationText } from './text.ts';
import { addVerb, mmOption } from './verb.ts';
import type { MmOptions, Run } from './verb.ts';

/** Adds `vtop` to `program`. */
export function vtopVerb(program: Command, run: Run): void {
  addVerb(program, 'vtop <image> <address...>', 'translate addresses, with every level')
    .addOption(mmOption())
    .action((image: string, addresses: string[], options: MmOptions) => {
      run.with({ open: openToTranslate, image, options }, (opened) => {
        const results = addresses.map((text) => opened.translate(addressArgument(text, opened), options.mm));
        run.print(
          options,
          () => ({ results }),
          () => results.map(translationText).join('\n'),
        );
      });
    });
}

/** The verb `vtop`. */
import type { Command } from 'commander';
import { addressArgument } from './arguments.ts';
import { translationText } from './text.ts';
import { addVerb, mmOption } from './verb.ts';
import type { MmOptions, Run } from './verb.ts';

/** Adds `vtop` to `program`. */
export function vtopVerb(program: Command, run: Run): void {
  addVerb(program, 'vtop <image> <address...>', 'translate addresses, with every level')
    .addOption(mmOption())
    .action((image: string, addresses: string[], options: MmOptions) => {
      run.withSession(image, options, (session) => {
        const results = addresses.map((text) => session.translate(addressArgument(text, session), options.mm));
        run.print(
          options,
          () => ({ results }),
          () => results.map(translationText).join('\n'),
        );
      });
    });
}

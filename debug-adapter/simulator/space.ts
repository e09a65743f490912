/** Whose page table an operation means. */
import type { ArgumentReader } from './arguments.ts';
import { optional } from './arguments.ts';
import type { Core } from './core.ts';
import { Fault } from './fault.ts';
import { rootOfMm, rootOfProcess } from './process.ts';
import { userHalf } from './tables.ts';

/** The parameter that chooses the page tables of a process or of the kernel. */
export const spaceParameter = optional(
  { name: 'space', kind: 'text', names: ['kernel', 'efi', 'user'] },
  'kernel',
  'kernel (init_mm, or a process’s own), efi (efi_mm, of a machine with efi), or user: the half that user mode has under page-table isolation.',
);

/** The root of `space` and `process`. Throws `Fault` where there is none such. */
export function namedRoot(core: Core, given: ArgumentReader): number {
  const space = given.text('space');
  const root = given.has('process') ? rootOfProcess(core, given.number('process', 0, 2 ** 22)) : core.root;
  if (space === 'kernel') return root;
  if (space === 'efi') {
    if (!core.configuration.features.efi) throw new Fault('argument', 'there is no efi_mm: write "with efi" in the machine');
    return rootOfMm(core, core.symbol('efi_mm'));
  }
  if (!core.configuration.pti) throw new Fault('argument', 'there is no user half: write "pti on" in the machine');
  return root + userHalf;
}

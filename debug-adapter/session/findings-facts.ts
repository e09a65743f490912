/** The findings of one address space, or of all that the dump holds. */
import { neverCancelled } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import { findings } from '../kernel/findings/findings.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { FindingsFacts } from '../protocol/facts.ts';
import { SpaceList } from './every-space.ts';
import type { FindingsOptions } from './session-face.ts';
import type { Spaces } from './spaces.ts';

/** Throws `UserError` for an unknown space, and `Cancelled`. */
export function findingsFacts(kernel: Kernel, spaces: Spaces, options: FindingsOptions): FindingsFacts {
  const warnings: string[] = [];
  const list = new SpaceList(kernel, spaces, (what, why) => {
    warnings.push(`${what}: not checked: ${why}`);
  });
  if (options.mm === undefined) {
    list.addAll();
    list.addOthers(options.token ?? neverCancelled);
  } else list.add(options.mm);
  const checked = list.found.map(({ mm, space }) => ({ mm, user: space.user, pageTable: space.pageTable, task: space.task }));
  const facts = findings(kernel, checked, options);
  const untyped = [...list.untyped, ...facts.untyped];
  if (untyped.length > 0) warnings.push(errors.noTypes(`checking ${untyped.join(' and ')}`).message);
  const { findings: found, tables, spaces: searched, debugWx, rootSync } = facts;
  return { findings: found, tables, spaces: searched, debugWx, rootSync, warnings: [...warnings, ...facts.warnings] };
}

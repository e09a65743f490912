/** Operations on whole page tables: the kernel's walk and its check of rights, and keeping other roots in step with init_mm. */
import type { ArgumentReader } from './arguments.ts';
import { operation, optional, parameter } from './arguments.ts';
import { addressOfPage, within } from './core.ts';
import type { Core, Steps } from './core.ts';
import { Fault } from './fault.ts';
import { syncKernelMappings, vmallocSyncAll } from './kernel-mapping.ts';
import { mostLdtEntries, writeLdt } from './ldt.ts';
import type { OperationSpec, OperationValue } from './operation.ts';
import { checkWxLog, PageWalk, wholeSpace } from './page-walk.ts';
import type { WalkOptions } from './page-walk.ts';
import { mmOf, newTable, rootOfMm } from './process.ts';
import { namedRoot, spaceParameter } from './space.ts';

const limits = [
  optional({ name: 'start', kind: 'address' }, undefined, 'Where the walk begins; the whole address space when left out.'),
  optional({ name: 'end', kind: 'address' }, undefined, 'Where it ends.'),
];

/** The pages that are walked. */
function rangesOf(core: Core, given: ArgumentReader): WalkOptions['ranges'] {
  if (!given.has('start') && !given.has('end')) return wholeSpace(core);
  const top = core.platform.pointerSize === 4 ? 2 ** 20 : 2 ** 52;
  const start = given.has('start') ? given.page('start') : 0;
  const end = given.has('end') ? given.page('end') : top;
  if (start >= end) throw new Fault('errno', 'walk_page_range: the start is not below the end', { errno: 'EINVAL' });
  return [{ start, end }];
}

function* walked(core: Core, name: string, given: ArgumentReader, options: WalkOptions): Steps<PageWalk['result']> {
  const walk = new PageWalk(core, options);
  yield* within(core, { name, variables: () => given.given }, walk.run());
  return walk.result;
}

function needCopiedPmds(core: Core, name: string): void {
  if (core.platform.kernelPmds !== 'copied') throw new Fault('argument', `${name}: the kernel’s tables are shared in this paging mode`);
}

/** Operations on page tables themselves, and on what the kernel maps for a CPU or a process. */
export const tableOperations: readonly OperationSpec[] = [
  operation({
    name: 'modify_ldt',
    parameters: [
      parameter('process', 'process', 'Whose.'),
      optional({ name: 'entries', kind: 'count' }, 1n, `Descriptors, up to ${mostLdtEntries}.`),
    ],
    documentation:
      'Gives a process a local descriptor table. Under page-table isolation it is mapped at the place of the LDT remap, in this process’s tables and their user half alone (arch/x86/kernel/ldt.c: write_ldt, map_ldt_struct).',
    returns: 'the address of its ldt_struct',
    *steps(core, given) {
      const mm = mmOf(core, given.number('process', 0, 2 ** 22));
      const entries = given.number('entries', 1, mostLdtEntries);
      return yield* writeLdt(core, { mm, root: rootOfMm(core, mm), entries, newTable: () => newTable(core, mm) });
    },
  }),
  operation({
    name: 'ptdump_walk_pgd',
    parameters: [
      spaceParameter,
      optional({ name: 'process', kind: 'process' }, undefined, 'Whose page table, where it is a process’s.'),
      ...limits,
      optional(
        { name: 'checks_present', kind: 'switch' },
        true,
        'Whether entries that are not present are passed over, as since 5.6; the walk of the patches up to v15 entered them.',
      ),
      optional(
        { name: 'knows_shadow', kind: 'switch' },
        true,
        'Whether KASAN’s shared shadow tables are recognised and not entered (note_kasan_page_table).',
      ),
    ],
    documentation:
      'Walks page tables as the kernel’s dump does, table by table (mm/ptdump.c: ptdump_walk_pgd; mm/pagewalk.c: walk_page_range_novma). ptdump() gives the text.',
    returns:
      'a record: tables and entries that were read, leaves, shared (entries to KASAN’s shared tables), holes (a record: how many by level)',
    *steps(core, given) {
      const { tables, entries, leaves, shared, holes } = yield* walked(core, 'ptdump_walk_pgd', given, {
        root: namedRoot(core, given),
        ranges: rangesOf(core, given),
        checksPresent: given.switch('checks_present'),
        knowsSharedShadow: given.switch('knows_shadow'),
      });
      const counts: Record<string, OperationValue> = {};
      for (const [level, count] of Object.entries(holes)) counts[level] = BigInt(count);
      return { tables: BigInt(tables), entries: BigInt(entries), leaves: BigInt(leaves), shared: BigInt(shared), holes: counts };
    },
  }),
  operation({
    name: 'ptdump_check_wx',
    parameters: [],
    documentation:
      'The check of CONFIG_DEBUG_WX at boot: pages of the kernel that are writable and executable (arch/x86/mm/dump_pagetables.c: ptdump_walk_pgd_level_checkwx; mm/ptdump.c). With PAE it never finds any, because a root’s entries have no RW bit.',
    returns: 'a record: pages, log (a list of texts, the kernel’s log lines)',
    *steps(core, given) {
      const result = yield* walked(core, 'ptdump_check_wx', given, {
        root: core.root,
        ranges: wholeSpace(core),
        checksPresent: true,
        knowsSharedShadow: true,
      });
      const { pages, log } = checkWxLog(core, result);
      return { pages: BigInt(pages), log };
    },
  }),
  operation({
    name: 'vmalloc_sync_all',
    parameters: [],
    documentation:
      'Brings the PMD entries of the vmalloc space of all processes in step with init_mm’s. On a machine without sync_unmappings, as before 5.3, it adds what is missing there, and takes nothing away (arch/x86/mm/fault.c: vmalloc_sync_all).',
    returns: undefined,
    *steps(core) {
      needCopiedPmds(core, 'vmalloc_sync_all');
      yield* vmallocSyncAll(core);
      return undefined;
    },
  }),
  operation({
    name: 'arch_sync_kernel_mappings',
    parameters: limits,
    documentation:
      'Makes the PMD entries of all processes present where init_mm’s are, and not present where they are not, from an address on to the end of the vmalloc space; where both are present and lead elsewhere, the kernel stops (arch/x86/mm/fault.c).',
    returns: undefined,
    *steps(core, given) {
      needCopiedPmds(core, 'arch_sync_kernel_mappings');
      const { vmalloc } = core.platform;
      const start = given.has('start') ? given.page('start') : vmalloc.start;
      const end = given.has('end') ? given.page('end') : vmalloc.end;
      if (start < vmalloc.start || end > vmalloc.end || start > end) {
        const [from, to] = [addressOfPage(core, vmalloc.start), addressOfPage(core, vmalloc.end)];
        throw new Fault(
          'argument',
          `arch_sync_kernel_mappings: only addresses from 0x${from.toString(16)} to 0x${to.toString(16)} are kept in step`,
        );
      }
      yield* syncKernelMappings(core, start, end);
      return undefined;
    },
  }),
];

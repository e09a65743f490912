/** What a reader of /proc/kcore sees. */
import { operation } from './arguments.ts';
import { kcoreSegments } from './kcore.ts';
import type { OperationSpec } from './operation.ts';

/** Operations that read as /proc/kcore does. */
export const kcoreOperations: readonly OperationSpec[] = [
  operation({
    name: 'kcore_segments',
    parameters: [],
    documentation:
      'The PT_LOAD program headers of /proc/kcore, in the file’s order (fs/proc/kcore.c: kcore_update_ram, elf_kcore_store_hdr). The type is not in the file. With kcore_remap there is one more, first: the entry trampoline.',
    returns:
      'a list of records: type (text, vmalloc, modules, ram, vmemmap, remap), virtual, physical (all ones where the file tells none), size',
    *steps(core) {
      yield core.step(() => 'read the program headers');
      return kcoreSegments(core).map(({ type, virtual, physical, size }) => ({
        type,
        virtual,
        physical: physical === undefined ? core.memory.addressMask : BigInt(physical),
        size,
      }));
    },
  }),
];

/** An image that is nothing but memory, and a direct map that is arithmetic: what the kernels that tests write by hand lie in. */
import type { CpuState, Image, MachineHint } from '../../debug-adapter/image/image.ts';
import { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';

export function memoryImage(name: string, machine: MachineHint, memory: PhysicalMemory, cpus: readonly CpuState[] = []): Image {
  return {
    name,
    format: 'test',
    compression: [],
    machine,
    memory,
    vmcoreinfo: undefined,
    cpus,
    virtualSegments: [],
    headerFacts: [],
    dumpLevel: undefined,
    warnings: [],
    eraseInfo: undefined,
    close: () => undefined,
  };
}

/** `pages` pages of memory from physical address 0 on, at `start`; nothing else is mapped. */
export function directMapOf(
  memory: PhysicalMemory,
  machine: MachineHint,
  at: { readonly start: bigint; readonly pages: number },
): AddressSpace {
  const first = Number(at.start >> 12n);
  return new AddressSpace(
    memory,
    {
      frameOf: (page) => (page >= first && page - first < at.pages ? page - first : -1),
      explain: () => ({ kind: 'not-mapped', message: 'nothing is mapped there' }),
      untag: (address) => address,
    },
    machine,
  );
}

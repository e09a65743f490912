/** JIT-compiled BPF programs, trampolines and dispatchers (kernel/bpf/core.c: bpf_kallsyms, struct bpf_ksym). */
import { formatAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import type { IdentifyDetail } from '../protocol/facts.ts';
import type { Kernel } from './kernel.ts';
import { walkList } from './list.ts';
import { optionalRead } from './optional-read.ts';

interface BpfImage {
  readonly name: string;
  readonly start: Address;
  readonly end: Address;
  readonly program: boolean;
}

/** The BPF code that holds `address`. */
export function describeBpf(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const found = kernel.once(bpfImages).find(({ start, end }) => address >= start && address < end);
  if (found === undefined) return [];
  const offset = Number(address - found.start);
  const what = found.program ? 'program' : 'image';
  return [
    {
      kind: found.program ? 'bpf-program' : 'bpf-image',
      summary: `${found.name}+0x${offset.toString(16)}, BPF ${what}`,
      name: found.name,
      offset,
      start: formatAddress(found.start),
      end: formatAddress(found.end),
    },
  ];
}

/** In the kernel's order: newest first. */
function bpfImages(kernel: Kernel): readonly BpfImage[] {
  const head = kernel.addressOf('bpf_kallsyms');
  const shape = kernel.types === undefined ? undefined : kernel.structs('listing BPF programs').find('bpf_ksym');
  if (head === undefined || shape?.has('lnode') !== true) return [];
  const images: BpfImage[] = [];
  const nodes = walkList(kernel.memory, head, shape.offset('lnode'), (message) => {
    kernel.warn(`BPF programs: ${message}; programs behind it are missing`);
  });
  for (const node of nodes) {
    if (images.length >= limits.modules) break;
    const image = optionalRead(() => ({
      name: shape.text(node, 'name'),
      start: shape.pointer(node, 'start'),
      end: shape.pointer(node, 'end'),
      program: !shape.has('prog') || shape.number(node, 'prog') !== 0,
    }));
    if (image !== undefined) images.push(image);
  }
  return images;
}

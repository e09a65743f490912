/** JIT-compiled BPF programs, trampolines and dispatchers (kernel/bpf/core.c: bpf_kallsyms, struct bpf_ksym). */
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { limits } from '../../base/limits.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import type { Structs, StructShape } from '../structs.ts';

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
  const structs = kernel.types === undefined ? undefined : kernel.structs('listing BPF programs');
  if (head === undefined || structs === undefined) return [];
  const symbol = structs.find('bpf_ksym');
  const owner = structs.find('bpf_prog_aux');
  if (symbol?.has('lnode') === true) return listed(kernel, { head, link: symbol.offset('lnode') }, (node) => symbolAt(symbol, node));
  // Until 5.8 the list was of programs alone.
  if (owner?.has('ksym_lnode') !== true) return [];
  return listed(kernel, { head, link: owner.offset('ksym_lnode') }, (node) => programAt(structs, owner, node));
}

function listed(
  kernel: Kernel,
  list: { readonly head: Address; readonly link: number },
  read: (node: Address) => BpfImage,
): readonly BpfImage[] {
  const images: BpfImage[] = [];
  const nodes = walkList(kernel.memory, list.head, list.link, (message) => {
    kernel.warn(`BPF programs: ${message}; programs behind it are missing`);
  });
  for (const node of nodes) {
    if (images.length >= limits.modules) {
      kernel.warn(`BPF programs: there are more than ${limits.modules}; the others are missing`);
      break;
    }
    const image = optionalRead(() => read(node));
    if (image !== undefined) images.push(image);
  }
  return images;
}

function symbolAt(shape: StructShape, node: Address): BpfImage {
  return {
    name: shape.text(node, 'name'),
    start: shape.pointer(node, 'start'),
    end: shape.pointer(node, 'end'),
    program: !shape.has('prog') || shape.number(node, 'prog') !== 0,
  };
}

/** bpf_get_prog_name() of kernel/bpf/core.c: the tag's digits, and the name where there is one. */
function programAt(structs: Structs, owner: StructShape, node: Address): BpfImage {
  const program = structs.get('bpf_prog');
  const at = owner.pointer(node, 'prog');
  const tag = Array.from({ length: program.arrayLength('tag') }, (_, index) => program.number(at, `tag[${index}]`));
  const given = owner.has('name') ? owner.text(node, 'name') : '';
  const start = program.pointer(at, 'bpf_func');
  return {
    name: `bpf_prog_${tag.map((byte) => byte.toString(16).padStart(2, '0')).join('')}${given === '' ? '' : `_${given}`}`,
    start,
    end: addToAddress(start, program.has('jited_len') ? program.number(at, 'jited_len') : 0),
    program: true,
  };
}

/** Address spaces (struct mm_struct) and their virtual memory areas (struct vm_area_struct). */
import { formatAddress, toPhysAddr } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { errors, MemoryFault } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Kernel } from './kernel.ts';
import { walkMapleTree } from './maple-tree.ts';
import type { StructShape, Structs } from './structs.ts';

const purpose = 'reading an address space';

export interface Vma {
  readonly address: Address;
  readonly start: Address;
  readonly end: Address;
  /** vm_flags word. */
  readonly flags: bigint;
  /** Offset of the mapping in its file, in pages. */
  readonly pageOffset: bigint;
  /** Name of the mapped file's last path component; undefined for anonymous memory. */
  readonly file: string | undefined;
}

/** Physical address of the page that mm->pgd points to. */
export function pgdOf(kernel: Kernel, mm: Address): PhysAddr {
  const pgd = kernel.structs(purpose).get('mm_struct').pointer(mm, 'pgd');
  return physicalOf(kernel, pgd);
}

/** Physical address behind a kernel address; throws `MemoryFault` where nothing is mapped. */
export function physicalOf(kernel: Kernel, address: Address): PhysAddr {
  const frame = kernel.memory.frameOf(Number(address >> 12n));
  if (frame < 0) throw new MemoryFault(address, kernel.memory.explain(address).message);
  return toPhysAddr(frame * 4096 + Number(address & 0xfffn));
}

/** The areas of an address space, ascending. What cannot be read is told as a warning and left out. */
export function vmas(kernel: Kernel, mm: Address): readonly Vma[] {
  const structs = kernel.structs(purpose);
  const shape = structs.get('vm_area_struct');
  const found: Vma[] = [];
  for (const address of vmaAddresses(kernel, structs, mm)) {
    try {
      found.push(readVma(structs, shape, address));
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      kernel.warn(`the vm_area_struct at ${formatAddress(address)} cannot be read: ${error.reason}`);
    }
  }
  return found;
}

function vmaAddresses(kernel: Kernel, structs: Structs, mm: Address): Address[] {
  const shape = structs.get('mm_struct');
  const problem = (message: string): void => {
    kernel.warn(`VMAs of the mm at ${formatAddress(mm)}: ${message}`);
  };
  if (shape.has('mm_mt')) return walkMapleTree(structs, shape.address(mm, 'mm_mt'), problem);
  if (!shape.has('mmap'))
    throw errors.notSupported('the address space of this kernel has neither mm_mt nor mmap; its VMAs cannot be listed');
  const vma = structs.get('vm_area_struct');
  const addresses: Address[] = [];
  const visited = new Set<bigint>();
  try {
    for (let next = shape.pointer(mm, 'mmap'); next !== 0n; next = vma.pointer(next, 'vm_next')) {
      if (visited.has(next) || visited.size > limits.listNodes) {
        problem(`the list loops back to ${formatAddress(next)}`);
        break;
      }
      visited.add(next);
      addresses.push(next);
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    problem(error.message);
  }
  return addresses;
}

function readVma(structs: Structs, shape: StructShape, address: Address): Vma {
  const file = shape.pointer(address, 'vm_file');
  return {
    address,
    start: shape.pointer(address, 'vm_start'),
    end: shape.pointer(address, 'vm_end'),
    flags: shape.unsigned(address, 'vm_flags'),
    pageOffset: shape.unsigned(address, 'vm_pgoff'),
    file: file === 0n ? undefined : fileName(structs, file),
  };
}

function fileName(structs: Structs, file: Address): string | undefined {
  try {
    const dentry = structs.get('file').pointer(file, 'f_path.dentry');
    return structs.memory.cString(structs.get('dentry').pointer(dentry, 'd_name.name'), 256);
  } catch (error) {
    if (error instanceof MemoryFault) return undefined;
    throw error;
  }
}

/** `rwxp`-like rights of a VMA, as /proc/PID/maps prints them. */
export function vmaRights(vma: Vma): string {
  const flag = (bit: bigint, letter: string): string => ((vma.flags & bit) === 0n ? '-' : letter);
  return `${flag(1n, 'r')}${flag(2n, 'w')}${flag(4n, 'x')}${(vma.flags & 8n) === 0n ? 'p' : 's'}`;
}

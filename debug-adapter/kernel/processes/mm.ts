/** Address spaces (struct mm_struct) and their virtual memory areas (struct vm_area_struct). */
import { compareAddresses, formatAddress, toPhysAddr } from '../../base/address.ts';
import type { Address, PhysAddr } from '../../base/address.ts';
import { errors, MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { partitionPoint } from '../../base/partition-point.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { walkMapleTree } from '../containers/maple-tree.ts';
import { walkRbTree } from '../containers/rb-tree.ts';
import type { StructShape, Structs } from '../structs.ts';

const purpose = 'reading an address space';

/** A vm_area_struct: [start, end) in bytes; `address` is that of the structure. */
export interface Vma {
  readonly address: Address;
  readonly start: Address;
  readonly end: Address;
  /** vm_flags word. */
  readonly flags: bigint;
  /** Offset of the mapping in its file, in pages. */
  readonly pageOffset: bigint;
  /** Of the struct file; undefined for memory without one. */
  readonly vmFile: Address | undefined;
  /** Of the vm_operations_struct; undefined for anonymous memory. */
  readonly ops: Address | undefined;
  /** Name of the mapped file's last path component; undefined for anonymous memory. */
  readonly file: string | undefined;
}

/** Bits of vm_flags that every kernel since 4.x has in these places (include/linux/mm.h). */
export const vmFlag = {
  read: 0x1n,
  write: 0x2n,
  exec: 0x4n,
  mayShare: 0x80n,
  growsDown: 0x100n,
  pfnMap: 0x400n,
  uffdWp: 0x1000n,
  hugetlb: 0x40_0000n,
  softDirty: 0x800_0000n,
  mixedMap: 0x1000_0000n,
} as const;

/** Physical address of the page that mm->pgd points to. */
export function pgdOf(kernel: Kernel, mm: Address): PhysAddr {
  const pgd = kernel.structs(purpose).get('mm_struct').pointer(mm, 'pgd');
  return physicalOf(kernel, pgd);
}

/** Whether mm->pgd points to a table: a variable of the kernel (efi_mm) may never have been set up. Throws `MemoryFault`. */
export function hasRoot(kernel: Kernel, mm: Address): boolean {
  return kernel.structs(purpose).get('mm_struct').pointer(mm, 'pgd') !== 0n;
}

/** Physical address behind a kernel address; throws `MemoryFault` where nothing is mapped. */
export function physicalOf(kernel: Kernel, address: Address): PhysAddr {
  const frame = kernel.memory.frameOf(Number(address >> 12n));
  if (frame < 0) throw new MemoryFault(address, kernel.memory.explain(address).message);
  return toPhysAddr(frame * 4096 + Number(address & 0xfffn));
}

/**
 * The areas of an address space, ascending; read once. They come from the maple tree (6.1), or from the list and, where that
 * is damaged, the red-black tree of kernels before. What cannot be read is told as a warning and left out.
 */
export function vmas(kernel: Kernel, mm: Address): readonly Vma[] {
  const known = kernel.once(vmasByMm);
  let found = known.get(mm);
  if (found === undefined) {
    found = readVmas(kernel, mm);
    known.set(mm, found);
  }
  return found;
}

function vmasByMm(_kernel: Kernel): Map<Address, readonly Vma[]> {
  return new Map();
}

function readVmas(kernel: Kernel, mm: Address): Vma[] {
  const structs = kernel.structs(purpose);
  const shape = structs.get('vm_area_struct');
  const found: Vma[] = [];
  for (const address of vmaAddresses(kernel, structs, mm)) {
    try {
      const vma = readVma(structs, shape, address);
      if (vma.start < vma.end) found.push(vma);
      else kernel.warn(`the vm_area_struct at ${formatAddress(address)} is left out: it ends where it begins, or before`);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      kernel.warn(`the vm_area_struct at ${formatAddress(address)} cannot be read: ${error.reason}`);
    }
  }
  found.sort((a, b) => compareAddresses(a.start, b.start));
  let before: Vma | undefined;
  for (const vma of found) {
    if (before !== undefined && before.end > vma.start) {
      const pair = `${formatAddress(before.address)} and ${formatAddress(vma.address)}`;
      kernel.warn(`VMAs of the mm at ${formatAddress(mm)}: those at ${pair} overlap`);
    }
    before = vma;
  }
  return found;
}

function vmaAddresses(kernel: Kernel, structs: Structs, mm: Address): Address[] {
  const shape = structs.get('mm_struct');
  let problems = 0;
  const problem = (message: string): void => {
    problems++;
    kernel.warn(`VMAs of the mm at ${formatAddress(mm)}: ${message}`);
  };
  if (shape.has('mm_mt')) return attempt(() => walkMapleTree(structs, shape.address(mm, 'mm_mt'), problem), problem);
  const vma = structs.get('vm_area_struct');
  const hasList = shape.has('mmap') && vma.has('vm_next');
  const hasTree = shape.has('mm_rb') && vma.has('vm_rb');
  if (!hasList && !hasTree)
    throw errors.notSupported('struct mm_struct of this kernel has neither mm_mt nor mmap nor mm_rb; its VMAs cannot be listed');
  const listed = hasList ? attempt(() => listedVmas(shape.pointer(mm, 'mmap'), vma, problem), problem) : [];
  if (!hasTree || (hasList && problems === 0)) return listed;
  // The tree leads around what is broken in the list.
  const inTree = attempt(() => walkRbTree(structs, shape.address(mm, 'mm_rb'), { memberOffset: vma.offset('vm_rb'), problem }), problem);
  return [...new Set([...listed, ...inTree])];
}

function listedVmas(first: Address, vma: StructShape, problem: (message: string) => void): Address[] {
  const addresses = new Set<Address>();
  try {
    for (let next = first; next !== 0n; next = vma.pointer(next, 'vm_next')) {
      if (addresses.has(next) || addresses.size >= limits.listNodes) {
        problem(`the list loops back to ${formatAddress(next)}`);
        break;
      }
      addresses.add(next);
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    problem(error.message);
  }
  return [...addresses];
}

function attempt(walk: () => Address[], problem: (message: string) => void): Address[] {
  try {
    return walk();
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    problem(error.message);
    return [];
  }
}

/** Reads one vm_area_struct. Throws `MemoryFault`. */
export function readVma(structs: Structs, shape: StructShape, address: Address): Vma {
  const pointer = (member: string): Address | undefined => {
    const value = shape.pointer(address, member);
    return value === 0n ? undefined : value;
  };
  const vmFile = pointer('vm_file');
  return {
    address,
    start: shape.pointer(address, 'vm_start'),
    end: shape.pointer(address, 'vm_end'),
    flags: shape.unsigned(address, 'vm_flags'),
    pageOffset: shape.unsigned(address, 'vm_pgoff'),
    vmFile,
    ops: pointer('vm_ops'),
    file: vmFile === undefined ? undefined : fileName(structs, vmFile),
  };
}

function fileName(structs: Structs, file: Address): string | undefined {
  return optionalRead(() => {
    const dentry = structs.get('file').pointer(file, 'f_path.dentry');
    return structs.memory.cString(structs.get('dentry').pointer(dentry, 'd_name.name'), 256);
  });
}

/** The area that covers `address`, of areas in ascending order. */
export function vmaAt(areas: readonly Vma[], address: Address): Vma | undefined {
  const vma = areas[firstVmaEndingAfter(areas, address)];
  return vma !== undefined && vma.start <= address ? vma : undefined;
}

/** Index of the first area that ends above `address`, as find_vma() gives; the number of areas when there is none. */
export function firstVmaEndingAfter(areas: readonly Vma[], address: bigint): number {
  return partitionPoint(areas.length, (index) => (areas[index]?.end ?? 0n) <= address);
}

/** `rwxp`-like rights of a VMA, as /proc/PID/maps prints them (fs/proc/task_mmu.c: show_vma_header_prefix). */
export function vmaRights(vma: Vma): string {
  const flag = (bit: bigint, letter: string): string => ((vma.flags & bit) === 0n ? '-' : letter);
  return `${flag(vmFlag.read, 'r')}${flag(vmFlag.write, 'w')}${flag(vmFlag.exec, 'x')}${(vma.flags & vmFlag.mayShare) === 0n ? 'p' : 's'}`;
}

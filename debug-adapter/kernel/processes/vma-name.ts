/** What /proc/PID/maps calls an area, and which file lies behind it (fs/proc/task_mmu.c: get_vma_name, show_map_vma). */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { readVma, vmFlag } from './mm.ts';
import type { Vma } from './mm.ts';
import type { Structs, StructShape } from '../structs.ts';
import { pathText } from './vma-path.ts';
import type { FilePlace } from './vma-path.ts';

const purpose = 'naming a memory area';

/**
 * Set in file.f_mode of a file that stands for another's on a stacked file system: the upper bit since 6.5, the lower one since
 * 6.14, when the upper became FMODE_NONOTIFY (include/linux/fs.h).
 */
const fmodeBacking = 0x300_0000n;
const nameBytes = 256;

/** The file that an area maps, as /proc/PID/maps shows it. */
export interface VmaFile {
  /** As d_path() gives it. */
  readonly path: string;
  /** Of the file system: super_block.s_dev. */
  readonly device: { readonly major: number; readonly minor: number };
  readonly inode: bigint;
}

/** The file of an area; undefined for memory without one. Parts that cannot be read are told as warnings and empty. */
export function vmaFile(kernel: Kernel, vma: Vma): VmaFile | undefined {
  const { vmFile } = vma;
  if (vmFile === undefined) return undefined;
  const structs = kernel.structs(purpose);
  const told = <Value>(what: string, look: () => Value, without: Value): Value => {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      kernel.warn(`the ${what} of the file at ${formatAddress(vmFile)} cannot be read: ${error.reason}`);
      return without;
    }
  };
  const file = structs.get('file');
  const backing = structs.find('backing_file');
  const isBacking = backing?.has('user_path.dentry') === true && told('mode', () => isBackingFile(structs, backing, vmFile), false);
  const place = told<FilePlace | undefined>(
    'path',
    () =>
      isBacking
        ? { dentry: backing.pointer(vmFile, 'user_path.dentry'), mount: backing.pointer(vmFile, 'user_path.mnt') }
        : { dentry: file.pointer(vmFile, 'f_path.dentry'), mount: file.pointer(vmFile, 'f_path.mnt') },
    undefined,
  );
  const inode = told<Address | undefined>(
    'inode',
    () => (isBacking && place !== undefined ? structs.get('dentry').pointer(place.dentry, 'd_inode') : file.pointer(vmFile, 'f_inode')),
    undefined,
  );
  const shape = structs.get('inode');
  const device = told(
    'device',
    () => (inode === undefined ? 0 : structs.get('super_block').number(shape.pointer(inode, 'i_sb'), 's_dev')),
    0,
  );
  return {
    path: place === undefined ? '' : told('path', () => pathText(kernel, place), ''),
    // MAJOR() and MINOR() of include/linux/kdev_t.h.
    device: { major: device >>> 20, minor: device & 0xf_ffff },
    inode: told('inode', () => (inode === undefined ? 0n : shape.unsigned(inode, 'i_ino')), 0n),
  };
}

/** Whether a struct backing_file lies around the file: its mode may say so, and there is a path behind it. */
function isBackingFile(structs: Structs, backing: StructShape, file: Address): boolean {
  if ((structs.get('file').unsigned(file, 'f_mode') & fmodeBacking) === 0n) return false;
  const path = optionalRead(() => {
    const superBlock = structs.get('dentry').pointer(backing.pointer(file, 'user_path.dentry'), 'd_sb');
    return superBlock !== 0n && superBlock === structs.get('vfsmount').pointer(backing.pointer(file, 'user_path.mnt'), 'mnt_sb');
  });
  return path === true;
}

/** `[heap]`, `[stack]`, `[vdso]`, `[anon:NAME]` … of an area of `mm`; undefined where maps prints none, or the file's path. */
export function vmaLabel(kernel: Kernel, mm: Address, vma: Vma): string | undefined {
  try {
    return findLabel(kernel, mm, vma);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the name of the vm_area_struct at ${formatAddress(vma.address)} cannot be read: ${error.reason}`);
    return undefined;
  }
}

function findLabel(kernel: Kernel, mm: Address, vma: Vma): string | undefined {
  const structs = kernel.structs(purpose);
  const given = givenName(structs, vma);
  if (vma.vmFile !== undefined) return given === undefined ? undefined : `[anon_shmem:${given}]`;
  const named = vma.ops === undefined ? undefined : operationsName(kernel, structs, vma, vma.ops);
  if (named !== undefined) return named;
  const shape = structs.get('mm_struct');
  // arch_vma_name() of kernels whose vDSO is no special mapping.
  if (shape.has('context.vdso') && shape.memberSize('context.vdso') === kernel.memory.pointerSize) {
    if (shape.pointer(mm, 'context.vdso') === vma.start) return '[vdso]';
  }
  // vma_is_initial_heap(), vma_is_initial_stack() of include/linux/mm.h.
  if (vma.start < shape.pointer(mm, 'brk') && vma.end > shape.pointer(mm, 'start_brk')) return '[heap]';
  const stack = shape.pointer(mm, 'start_stack');
  if (vma.start <= stack && vma.end >= stack) return '[stack]';
  return given === undefined ? undefined : `[anon:${given}]`;
}

/** What prctl(PR_SET_VMA_ANON_NAME) gave it (CONFIG_ANON_VMA_NAME, 5.17). */
function givenName(structs: Structs, vma: Vma): string | undefined {
  const shape = structs.get('vm_area_struct');
  if (!shape.has('anon_name')) return undefined;
  // At first it shared its place with the tree node of file mappings.
  const shared = shape.has('shared') && shape.offset('anon_name') === shape.offset('shared');
  if (shared && vma.vmFile !== undefined) return undefined;
  const name = shape.pointer(vma.address, 'anon_name');
  return name === 0n ? undefined : structs.memory.cString(structs.get('anon_vma_name').address(name, 'name'), nameBytes);
}

/** vm_operations_struct.name(), by the name of the function. */
function operationsName(kernel: Kernel, structs: Structs, vma: Vma, ops: Address): string | undefined {
  const operations = structs.get('vm_operations_struct');
  if (!operations.has('name')) return undefined;
  const maker = operations.pointer(ops, 'name');
  if (maker === 0n) return undefined;
  const name = kernel.symbols.resolve(maker)?.symbol.name.replace(/\..*$/, '');
  if (name === 'special_mapping_name') {
    const mapping = structs.get('vm_area_struct').pointer(vma.address, 'vm_private_data');
    if (mapping === 0n) return undefined;
    const text = structs.get('vm_special_mapping').pointer(mapping, 'name');
    return text === 0n ? undefined : structs.memory.cString(text, nameBytes);
  }
  if (name === 'gate_vma_name') return '[vsyscall]';
  kernel.warn(
    `the name of the vm_area_struct at ${formatAddress(vma.address)} is made by ${name ?? formatAddress(maker)}, which Pagewalk does not know`,
  );
  return undefined;
}

/** x86 mm_context_t.flags: the vsyscall page belongs to this process (arch/x86/include/asm/mmu.h). */
const hasVsyscall = 0x2n;
/** enum vsyscall_mode: NONE. */
const vsyscallNone = 2;

/**
 * The area that the kernel shows in every process and no tree holds: x86-64's vsyscall page, 32-bit arm's vectors.
 * Undefined when this process has none, or the kernel's symbols do not tell. Throws `MemoryFault`.
 */
export function gateVma(kernel: Kernel, mm: Address): { readonly vma: Vma; readonly label: string } | undefined {
  const { architecture } = kernel.machine;
  const address = kernel.addressOf('gate_vma');
  if (architecture === 'arm') {
    if (address !== undefined) return { vma: readGate(kernel, address), label: '[vectors]' };
    // Kernels that name functions alone: the area is always the same (arch/arm/kernel/process.c:gate_vma_init).
    return kernel.addressOf('get_gate_vma') === undefined ? undefined : { vma: armVectors, label: '[vectors]' };
  }
  if (address === undefined || architecture !== 'x86-64') return undefined;
  const shape = kernel.structs(purpose).get('mm_struct');
  try {
    if (shape.has('context.flags') && (shape.unsigned(mm, 'context.flags') & hasVsyscall) === 0n) return undefined;
    if (shape.has('context.ia32_compat') && shape.unsigned(mm, 'context.ia32_compat') !== 0n) return undefined;
    const mode = kernel.addressOf('vsyscall_mode');
    if (mode === undefined || kernel.memory.u32(addToAddress(mode, 0)) === vsyscallNone) return undefined;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`whether the process has a vsyscall page cannot be told: ${error.message}`);
    return undefined;
  }
  return { vma: readGate(kernel, address), label: '[vsyscall]' };
}

function readGate(kernel: Kernel, address: Address): Vma {
  const structs = kernel.structs(purpose);
  return readVma(structs, structs.get('vm_area_struct'), address);
}

/** CONFIG_VECTORS_BASE, a page, read and execute. */
const armVectors: Vma = {
  address: toAddress(0),
  start: toAddress(0xffff_0000),
  end: toAddress(0xffff_1000),
  flags: vmFlag.read | vmFlag.exec,
  pageOffset: 0n,
  vmFile: undefined,
  ops: undefined,
  file: undefined,
};

/** The text of /proc/PID/maps, byte for byte (fs/proc/task_mmu.c: show_map_vma). */
import { toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { vmaRights, vmas } from './mm.ts';
import type { Vma } from './mm.ts';
import { gateVma, vmaFile, vmaLabel } from './vma-name.ts';
import type { VmaFile } from './vma-name.ts';

/** A line of /proc/PID/maps before it is written (fs/proc/task_mmu.c:show_map_vma). */
export interface MapsEntry {
  readonly vma: Vma;
  /** `[heap]`, the file's path …; undefined where the line ends without a name. */
  readonly name: string | undefined;
  readonly file: VmaFile | undefined;
  /** Offset in the file, in bytes; 0 for memory without a file. */
  readonly offset: bigint;
}

/** The areas of an address space under the names that the kernel gives them, ascending; x86-64's vsyscall page last. */
export function mapsEntries(kernel: Kernel, mm: Address): MapsEntry[] {
  const entries = vmas(kernel, mm).map((vma) => mapsEntry(kernel, mm, vma));
  try {
    const gate = gateVma(kernel, mm);
    return gate === undefined ? entries : [...entries, { vma: gate.vma, name: gate.label, file: undefined, offset: 0n }];
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    kernel.warn(`the area that every process has cannot be read: ${error.message}`);
    return entries;
  }
}

/** One area of an address space under the name that the kernel gives it. */
export function mapsEntry(kernel: Kernel, mm: Address, vma: Vma): MapsEntry {
  const file = vmaFile(kernel, vma);
  const offset = file === undefined ? 0n : toAddress(vma.pageOffset << BigInt(kernel.root.mode.pageShift));
  const path = file?.path === '' ? (vma.file ?? '(not in the dump)') : file?.path;
  return { vma, name: vmaLabel(kernel, mm, vma) ?? path, file, offset };
}

/** One line with its newline. */
export function mapsLine(entry: MapsEntry, pointerSize: 4 | 8): string {
  const { vma, name, file, offset } = entry;
  const hex = (value: bigint | number, digits: number): string => value.toString(16).padStart(digits, '0');
  const device = `${hex(file?.device.major ?? 0, 2)}:${hex(file?.device.minor ?? 0, 2)}`;
  const fields = `${hex(vma.start, 8)}-${hex(vma.end, 8)} ${vmaRights(vma)} ${hex(offset, 8)} ${device} ${file?.inode ?? 0n} `;
  if (name === undefined) return `${fields}\n`;
  // seq_setwidth() and seq_pad(): the name stands in the column behind the width, and always behind a blank.
  return `${fields.padEnd(25 + pointerSize * 6 - 1)} ${name.replaceAll('\n', '\\012')}\n`;
}

/** From an image to its kernel: VMCOREINFO, root table, names, types; each found in the dump itself unless given from outside. */
import { UserError, errors } from '../base/errors.ts';
import type { Address } from '../base/address.ts';
import { toAddress } from '../base/address.ts';
import type { ArchitectureName, Image, MachineHint } from '../image/image.ts';
import { AddressSpace } from '../memory/address-space.ts';
import { openBtf } from '../symbols/btf.ts';
import { CombinedSymbols } from '../symbols/combined-symbols.ts';
import { findKernelBtf } from '../symbols/kernel-btf.ts';
import { openKallsyms } from '../symbols/kallsyms.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { TypeTable } from '../symbols/types.ts';
import { findVmcoreinfo, parseVmcoreinfo } from '../symbols/vmcoreinfo.ts';
import type { Vmcoreinfo } from '../symbols/vmcoreinfo.ts';
import { Kernel } from './kernel.ts';
import type { KernelRoot } from './kernel.ts';
import { findX8664Root, startKernelMap } from './root-x86-64.ts';

/** Names and types given from outside; they fill in what the dump lacks. */
export interface OutsideSources {
  readonly symbols: ((kernel: Kernel) => SymbolTable) | undefined;
  readonly types: ((kernel: Kernel) => TypeTable) | undefined;
}

type RootFinder = (image: Image, vmcoreinfo: Vmcoreinfo | undefined) => KernelRoot;

const rootFinders: Partial<Record<ArchitectureName, RootFinder>> = { 'x86-64': findX8664Root };

/** Opens the kernel of an image. Throws `UserError` when the architecture or its root table is not known. */
export function openKernel(image: Image, outside: OutsideSources): Kernel {
  const { machine } = image;
  if (machine === undefined) throw errors.unsupportedArchitecture(image.name, 'an unknown machine');
  const finder = rootFinders[machine.architecture];
  if (finder === undefined) throw errors.unsupportedArchitecture(image.name, machine.architecture);
  const vmcoreinfo =
    image.vmcoreinfo === undefined ? findVmcoreinfo(image.memory) : parseVmcoreinfo(image.vmcoreinfo.text, image.vmcoreinfo.source);
  const root = finder(image, vmcoreinfo);
  const memory = new AddressSpace(image.memory, root.pageTable, shapeOf(machine));
  const kernel = new Kernel({
    image,
    machine,
    vmcoreinfo,
    root,
    memory,
    sources: {
      openSymbols: (opened) => openSymbols(opened, outside),
      openTypes: (opened) => openTypes(opened, outside),
    },
  });
  for (const warning of image.warnings) kernel.warn(warning);
  if (vmcoreinfo === undefined) {
    kernel.warn('the dump has no VMCOREINFO, neither in its notes nor in memory; what it would have told was found in other ways');
  }
  return kernel;
}

function shapeOf(machine: MachineHint): { littleEndian: boolean; pointerSize: 4 | 8 } {
  return { littleEndian: machine.littleEndian, pointerSize: machine.pointerSize };
}

function openSymbols(kernel: Kernel, outside: OutsideSources): CombinedSymbols {
  if (outside.symbols !== undefined) return new CombinedSymbols(outside.symbols(kernel));
  const found = openKallsyms(kernel.memory, {
    ...(kernel.vmcoreinfo === undefined ? {} : { vmcoreinfo: kernel.vmcoreinfo }),
    scan: () => imageRanges(kernel),
  });
  if (!('problem' in found)) return new CombinedSymbols(found);
  kernel.warn(`no symbols: ${found.problem}; give --symbols FILE (System.map or a copy of /proc/kallsyms)`);
  return new CombinedSymbols(undefined);
}

function openTypes(kernel: Kernel, outside: OutsideSources): TypeTable | undefined {
  if (outside.types !== undefined) return outside.types(kernel);
  try {
    const found = findKernelBtf(kernel.memory, kernel.symbols);
    if ('bytes' in found) {
      return openBtf(found.bytes, {
        littleEndian: kernel.machine.littleEndian,
        pointerSize: kernel.machine.pointerSize,
        source: 'BTF in the dump',
      });
    }
    kernel.warn(`no types: ${found.problem}; give --types FILE (the kernel's BTF, as in /sys/kernel/btf/vmlinux)`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    kernel.warn(`no types: ${error.message}`);
  }
  return undefined;
}

/** Mapped runs of the gigabyte in which the kernel image lies, for a search when VMCOREINFO does not say where its tables are. */
function* imageRanges(kernel: Kernel): Generator<{ start: Address; end: Address }> {
  const { pageTable } = kernel.root;
  const end = startKernelMap + 0x4000_0000n;
  let runStart: bigint | undefined;
  for (let at = startKernelMap; at < end;) {
    const found = pageTable.translate(toAddress(at));
    const size = BigInt(found.pageSize);
    const next = (at / size) * size + size;
    if (found.physical !== undefined) runStart ??= at;
    else if (runStart !== undefined) {
      yield { start: toAddress(runStart), end: toAddress(at) };
      runStart = undefined;
    }
    at = next;
  }
  if (runStart !== undefined) yield { start: toAddress(runStart), end: toAddress(end) };
}

/** From an image to its kernel: VMCOREINFO, root table, names, types; each found in the dump itself unless given from outside. */
import { UserError, errors } from '../../base/errors.ts';
import type { Address } from '../../base/address.ts';
import { toAddress, toPhysAddr } from '../../base/address.ts';
import type { ArchitectureName, Image, MachineHint } from '../../image/image.ts';
import { AddressSpace } from '../../memory/address-space.ts';
import { readPhysical } from '../../memory/physical-memory.ts';
import { openBtf } from '../../symbols/btf.ts';
import { CombinedSymbols } from '../../symbols/combined-symbols.ts';
import { findKernelBtf } from '../../symbols/kernel-btf.ts';
import { openKallsyms } from '../../symbols/kallsyms.ts';
import type { SymbolTable } from '../../symbols/symbol-table.ts';
import type { TypeTable } from '../../symbols/types.ts';
import { parseVmcoreinfo } from '../../symbols/vmcoreinfo.ts';
import type { Vmcoreinfo } from '../../symbols/vmcoreinfo.ts';
import { Kernel } from '../kernel.ts';
import type { KernelRoot } from '../kernel.ts';
import { locateKernelImage } from './image-location.ts';
import type { ImageLocation } from './image-location.ts';
import { Landmarks } from './landmarks.ts';
import { findArm64Root } from './root-arm64.ts';
import { findArmRoot } from './root-arm.ts';
import { findLoongarch64Root, findMips64Root } from './root-window.ts';
import { likelyMachines } from './machine-search.ts';
import type { RootContext } from './root-choice.ts';
import { symbolDoubt, typeDoubt } from './outside-doubt.ts';
import { findPowerpcRoot } from './root-powerpc.ts';
import { findRiscvRoot } from './root-riscv.ts';
import { findS390Root } from './root-s390.ts';
import { findX8632Root } from './root-x86-32.ts';
import { findX8664Root, startKernelMap } from './root-x86-64.ts';
import { SegmentTranslator } from './segment-translator.ts';
import { findVmcoreinfo } from './vmcoreinfo-search.ts';

/** Names and types given from outside; they fill in what the dump lacks. */
export interface OutsideSources {
  readonly symbols: ((kernel: Kernel) => SymbolTable) | undefined;
  /** May give none: then it is looked for in the dump. */
  readonly types: ((kernel: Kernel) => TypeTable | undefined) | undefined;
}

type RootFinder = (context: RootContext) => KernelRoot;

const rootFinders: Partial<Record<ArchitectureName, RootFinder>> = {
  'x86-64': findX8664Root,
  'x86-32': findX8632Root,
  arm64: findArm64Root,
  riscv64: findRiscvRoot,
  s390x: findS390Root,
  ppc64: findPowerpcRoot,
  ppc64le: findPowerpcRoot,
  arm: findArmRoot,
  mips64: findMips64Root,
  loongarch64: findLoongarch64Root,
};

/** Opens the kernel of an image. Throws `UserError` when the architecture or its root table is not known. */
export function openKernel(image: Image, outside: OutsideSources, landmarks = new Landmarks(image.memory)): Kernel {
  const vmcoreinfo =
    image.vmcoreinfo === undefined ? findVmcoreinfo(landmarks) : parseVmcoreinfo(image.vmcoreinfo.text, image.vmcoreinfo.source);
  if (image.machine !== undefined) return openAs(image, image.machine, { vmcoreinfo, outside, landmarks });
  let problem: UserError | undefined;
  for (const likely of likelyMachines(landmarks, vmcoreinfo)) {
    const { machine, source } = likely;
    const headerFacts = [...image.headerFacts, { name: 'machine', value: `${machine.architecture}: ${source}` }];
    try {
      return openAs({ ...image, machine, headerFacts }, machine, { vmcoreinfo: likely.vmcoreinfo, outside, landmarks });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problem ??= error;
    }
  }
  throw problem ?? errors.noKernel(image.name, landmarks.warnings);
}

interface Known {
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly outside: OutsideSources;
  readonly landmarks: Landmarks;
}

function openAs(image: Image, hint: MachineHint, known: Known): Kernel {
  const { vmcoreinfo, outside } = known;
  const finder = rootFinders[hint.architecture];
  if (finder === undefined) throw errors.unsupportedArchitecture(image.name, hint.architecture);
  const { machine, locate } = machineOf(image, hint, known);
  // A mode may ask the kernel that it is found for, later.
  const opened: { kernel: Kernel | undefined } = { kernel: undefined };
  const root = finder({ image, vmcoreinfo, locate, opened: () => opened.kernel });
  const { virtualMemory } = image;
  const translator =
    virtualMemory === undefined
      ? root.pageTable
      : new SegmentTranslator(root.pageTable, { segments: virtualMemory, physical: image.memory });
  const memory = new AddressSpace(image.memory, translator, shapeOf(machine));
  const kernel = new Kernel({
    image,
    machine,
    vmcoreinfo,
    root,
    memory,
    sources: {
      openSymbols: (one) => openSymbols(one, outside, locate),
      openTypes: (one) => openTypes(one, outside),
    },
  });
  opened.kernel = kernel;
  for (const warning of image.warnings) kernel.warn(warning);
  if (vmcoreinfo === undefined) {
    kernel.warn('the dump has no VMCOREINFO, neither in its notes nor in memory; what it would have told was found in other ways');
  }
  return kernel;
}

function shapeOf(machine: MachineHint): { littleEndian: boolean; pointerSize: 4 | 8 } {
  return { littleEndian: machine.littleEndian, pointerSize: machine.pointerSize };
}

function openSymbols(kernel: Kernel, outside: OutsideSources, locate: () => ImageLocation | undefined): CombinedSymbols {
  const given = outside.symbols?.(kernel);
  const doubt = given === undefined ? undefined : symbolDoubt(given, kernel.vmcoreinfo);
  return new CombinedSymbols(chosen(kernel, 'symbols', { given, doubt, own: () => ownSymbols(kernel, locate) }));
}

function ownSymbols(kernel: Kernel, locate: () => ImageLocation | undefined): Own<SymbolTable> {
  const found = openKallsyms(kernel.memory, {
    ...(kernel.vmcoreinfo === undefined ? {} : { vmcoreinfo: kernel.vmcoreinfo }),
    scan: () => imageRanges(kernel),
  });
  if (!('problem' in found)) return { table: found };
  const located = locate();
  if (located !== undefined) return { table: located.symbols };
  return { problem: `${found.problem}; give --symbols FILE (System.map or a copy of /proc/kallsyms)` };
}

function openTypes(kernel: Kernel, outside: OutsideSources): TypeTable | undefined {
  const given = outside.types?.(kernel);
  const doubt = given === undefined ? undefined : typeDoubt(given, kernel.vmcoreinfo);
  return chosen(kernel, 'types', { given, doubt, own: () => ownTypes(kernel) });
}

function ownTypes(kernel: Kernel): Own<TypeTable> {
  const { littleEndian, pointerSize } = kernel.machine;
  try {
    const found = findKernelBtf(kernel.memory, kernel.symbols);
    if ('bytes' in found) return { table: openBtf(found.bytes, { littleEndian, pointerSize, source: 'BTF in the dump' }) };
    return { problem: `${found.problem}; give --types FILE (/sys/kernel/btf/vmlinux, or pahole --btf_encode_detached=FILE vmlinux)` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: error.message };
  }
}

/** What the dump itself has, or why it has none. */
type Own<Table> = { readonly table: Table } | { readonly problem: string };

/** What was given, unless it is in doubt and the dump has its own. */
function chosen<Table>(
  kernel: Kernel,
  what: 'symbols' | 'types',
  from: { readonly given: Table | undefined; readonly doubt: string | undefined; readonly own: () => Own<Table> },
): Table | undefined {
  const { given, doubt } = from;
  if (given !== undefined && doubt === undefined) return given;
  const own = from.own();
  const missing = 'problem' in own;
  if (doubt !== undefined)
    kernel.warn(`${doubt}; ${missing ? `what depends on ${what} may be wrong` : `the ${what} in the dump are taken`}`);
  else if (missing) kernel.warn(`no ${what}: ${own.problem}`);
  return missing ? given : own.table;
}

/**
 * The machine, and the search for its kernel image, made at most once. The headers of a 64-bit powerpc dump do not tell the
 * guest's byte order (QEMU writes big-endian ones for both): it is the one in which the kernel's symbol table makes sense.
 */
function machineOf(
  image: Image,
  hint: MachineHint,
  { vmcoreinfo, landmarks }: Known,
): { machine: MachineHint; locate: () => ImageLocation | undefined } {
  const once = (machine: MachineHint): (() => ImageLocation | undefined) => {
    let located: { readonly found: ImageLocation | undefined } | undefined;
    return () => (located ??= { found: locateKernelImage(landmarks, machine) }).found;
  };
  if (hint.architecture !== 'ppc64' && hint.architecture !== 'ppc64le') return { machine: hint, locate: once(hint) };
  const told = powerpcByteOrder(image, vmcoreinfo);
  const little: MachineHint = { ...hint, architecture: 'ppc64le', littleEndian: true };
  const big: MachineHint = { ...hint, architecture: 'ppc64', littleEndian: false };
  if (told !== undefined) return told === 'little' ? { machine: little, locate: once(little) } : { machine: big, locate: once(big) };
  for (const machine of hint.littleEndian ? [little, big] : [big, little]) {
    const locate = once(machine);
    if (locate() !== undefined) return { machine, locate };
  }
  return { machine: hint, locate: () => undefined };
}

/** By the number of symbols, whose place VMCOREINFO tells: only in one order is it below two to the power of 24. */
function powerpcByteOrder(image: Image, vmcoreinfo: Vmcoreinfo | undefined): 'little' | 'big' | undefined {
  const count = vmcoreinfo?.symbol('kallsyms_num_syms');
  if (count === undefined) return undefined;
  const { bytes, holes } = readPhysical(image.memory, toPhysAddr(count & 0x0fff_ffff_ffff_ffffn), 4);
  if (holes.length > 0) return undefined;
  const littleEnd = bytes[3] ?? 0;
  const bigEnd = bytes[0] ?? 0;
  if (littleEnd === 0 && bigEnd !== 0) return 'little';
  return bigEnd === 0 && littleEnd !== 0 ? 'big' : undefined;
}

/** More than any kernel image takes, before and behind its first function. */
const imageReach = 0x1000_0000n;

/** Mapped runs around the kernel image, for a search when VMCOREINFO does not say where its symbol tables are. */
function* imageRanges(kernel: Kernel): Generator<{ start: Address; end: Address }> {
  const { pageTable, mode } = kernel.root;
  const text = kernel.vmcoreinfo?.symbol('_stext');
  const top = 1n << BigInt(mode.addressBits);
  const reach =
    text !== undefined
      ? { start: text > imageReach ? text - imageReach : 0n, end: text + imageReach }
      : { start: startKernelMap, end: startKernelMap + 0x4000_0000n };
  const end = reach.end < top ? reach.end : top;
  let runStart: bigint | undefined;
  for (let at = reach.start; at < end;) {
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

/**
 * The kernel's root table of an s390 image: swapper_pg_dir, designated by control register 1 or 13 of a CPU that runs the
 * kernel (arch/s390/kernel/vmcore_info.c, arch/s390/include/asm/ctlreg.h).
 */
import { toAddress, toPhysAddr } from '../../base/address.ts';
import type { PhysAddr } from '../../base/address.ts';
import { s390Mode, segmentBitsOf } from '../../arch/s390.ts';
import type { PagingMode } from '../../arch/paging-mode.ts';
import type { DesignationType, SegmentBits } from '../../arch/s390.ts';
import type { Image } from '../../image/image.ts';
import { readPhysical } from '../../memory/physical-memory.ts';
import { PageTable } from '../../pagetable/page-table.ts';
import type { KernelRoot } from '../kernel.ts';
import { chooseRoot } from './root-choice.ts';
import type { RootCandidate, RootContext } from './root-choice.ts';

/**
 * The mode's table levels are told by the table that an address-space-control element designates; `modeOfRoot` tells those of a
 * process's root. Throws `UserError('no-page-table')` where no candidate maps the kernel's text.
 */
export function findS390Root(context: RootContext): KernelRoot {
  const text = context.vmcoreinfo?.symbol('_stext') ?? context.locate()?.symbols.find('_stext')?.address;
  const root = chooseRoot(context.image, candidates(context), { mustMap: text, mapsKernel: () => false });
  const bits = text === undefined ? 'former' : segmentBits(root.pageTable, text);
  const modeOf = (at: PhysAddr): PagingMode | undefined => {
    const type = typeOfTable(context.image, BigInt(at));
    return type === undefined ? undefined : s390Mode(type, bits);
  };
  const mode = bits === 'former' ? undefined : modeOf(root.pageTable.root);
  if (mode === undefined) return { ...root, modeOfRoot: modeOf };
  return { ...root, mode, pageTable: new PageTable(context.image.memory, mode, root.pageTable.root), modeOfRoot: modeOf };
}

/** Told by the segment-table entry that maps the kernel's text. */
function segmentBits(pageTable: PageTable, text: bigint): SegmentBits {
  const segment = pageTable.translate(toAddress(text)).levels.find(({ level }) => level === 'pmd');
  return (segment === undefined ? undefined : segmentBitsOf(segment.entry)) ?? 'former';
}

function* candidates(context: RootContext): Generator<RootCandidate> {
  const { image, vmcoreinfo } = context;
  const swapper = vmcoreinfo?.symbol('swapper_pg_dir');
  if (swapper !== undefined) {
    // Before 6.10 the image was mapped where it lay.
    const physical = vmcoreinfo?.hexValue('KERNELOFFPHYS');
    const root = physical === undefined ? swapper : BigInt.asUintN(64, swapper - (vmcoreinfo?.hexValue('KERNELOFFSET') ?? 0n) + physical);
    const type = typeOfTable(image, root);
    if (type !== undefined) {
      yield { root, source: 'VMCOREINFO SYMBOL(swapper_pg_dir)', mode: s390Mode(type), modeSource: "the type in the root table's entries" };
    }
  }
  for (const cpu of image.cpus) {
    for (const name of ['cr1', 'cr13', 'cr7']) {
      const element = cpu.control.find((register) => register.name === name)?.value;
      if (element === undefined || element === 0n) continue;
      const mode = s390Mode(Number((element >> 2n) & 3n) as DesignationType);
      const source = `${name.toUpperCase()} of CPU ${cpu.index}`;
      yield { root: element & ~0xfffn, source, mode, modeSource: `the designation type in ${source}` };
    }
  }
  const located = context.locate();
  const symbol = located?.symbols.find('swapper_pg_dir')?.address;
  if (located === undefined || symbol === undefined) return;
  const root = BigInt.asUintN(64, symbol - located.offset);
  const type = typeOfTable(image, root);
  if (type === undefined) return;
  yield {
    root,
    source: "swapper_pg_dir in the kernel's symbols, found in RAM",
    mode: s390Mode(type),
    modeSource: "the type in the root table's entries",
  };
}

/** Every entry of a region or segment table, also an empty one, holds the type of its table in bits 2-3. */
function typeOfTable(image: Pick<Image, 'memory'>, root: bigint): DesignationType | undefined {
  if (root >= 1n << 52n) return undefined;
  const { bytes, holes } = readPhysical(image.memory, toPhysAddr(root), 8);
  if (holes.length > 0) return undefined;
  return (((bytes[7] ?? 0) >> 2) & 3) as DesignationType;
}

/**
 * What is this address? One answer, most specific first, each part with its evidence. Every part is found by looking at
 * the kernel's own structures and page tables; regions are named only where nothing more is known.
 */
import { formatAddress, toAddress } from '../../base/address.ts';
import type { Address, PhysAddr } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { findRange } from '../../base/range.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { IdentifyDetail, IdentifyFacts } from '../../protocol/facts.ts';
import { formatSymbolHit } from '../../symbols/symbol-table.ts';
import { describeBpf } from './bpf.ts';
import { describeFixmap } from '../layout/fixmap.ts';
import { describeCpuEntryArea, describeEspfix, describePerCpu } from './identify-cpu.ts';
import { describeEfiRuntime } from './identify-efi.ts';
import { describeFrame, describeVmallocUse } from './identify-frame.ts';
import { describeKasanShadow } from './identify-kasan.ts';
import { describeUserAddress } from './identify-user.ts';
import { describeModule, describeVmallocAddress } from './identify-vmalloc.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf, regionAt } from '../layout/layout.ts';
import { layoutX8664 } from '../layout/layout-x86-64.ts';
import { allSymbols } from '../modules/module.ts';
import { structPageAt } from '../pages/page-frame.ts';
import { describeResource } from '../resource.ts';
import type { Task } from '../processes/task.ts';

/** The address space in which a user address is looked up. */
export interface IdentifyContext {
  readonly pageTable: PageTable;
  readonly task: Task | undefined;
}

/** Identifies one address. What cannot be looked up for want of symbols or types is told as a detail, not as a failure. */
export function identify(kernel: Kernel, address: Address, context: IdentifyContext): IdentifyFacts {
  const details: IdentifyDetail[] = [];
  const { mode } = kernel.root;
  if (!mode.isCanonical(address)) {
    const summary = `${formatAddress(address)} is not canonical: no pointer of this machine (${mode.name}) has this value`;
    details.push({ kind: 'non-canonical', summary }, ...invertedFrame(kernel, address));
  } else if (context.pageTable.isUserAddress(address)) {
    attempt(details, () => describeUserAddress(kernel, address, context));
  } else {
    for (const describe of kernelDescribers) {
      attempt(details, () => describe(kernel, address));
    }
  }
  const translation = context.pageTable.translate(address);
  if (mode.isCanonical(address) && translation.physical === undefined) {
    const reason = translation.reason?.message ?? 'no page table entry maps it';
    // A guard page or a freed area says more than that nothing is mapped; a bare region says less.
    const region = regionOf(kernel, address, context.pageTable);
    const where = details.length === 0 ? `in ${region.name}, ` : '';
    details.push({ kind: 'unmapped', summary: `${where}not mapped: ${reason}`, region: region.name });
  }
  if (details.length === 0) {
    const region = regionOf(kernel, address, context.pageTable);
    details.push({ kind: region.kind, summary: `in ${region.name}` });
  }
  return factsOf(formatAddress(address), details);
}

/** Identifies a physical address: what the memory is used for, where the kernel maps it, and whose it is in /proc/iomem. */
export function identifyPhysical(kernel: Kernel, physical: PhysAddr): IdentifyFacts {
  const details: IdentifyDetail[] = [];
  const { directMap } = layoutOf(kernel);
  const direct = directMap === undefined ? undefined : BigInt(physical) + directMap.offset;
  const virtual = direct === undefined ? undefined : toAddress(BigInt.asUintN(kernel.memory.pointerSize * 8, direct));
  const mapped = virtual !== undefined && directMap !== undefined && virtual >= directMap.start && virtual < directMap.end;
  if (isRam(kernel, physical)) {
    if (mapped) {
      attempt(details, () => describePerCpu(kernel, virtual));
      attempt(details, () => describeDirectMap(kernel, virtual));
    } else {
      attempt(details, () => describeFrame(kernel, Math.floor(physical / kernel.pageSize), physical % kernel.pageSize));
    }
  } else attempt(details, () => describeVmallocUse(kernel, physical));
  attempt(details, () => describeResource(kernel, physical));
  if (!isRam(kernel, physical)) details.push({ kind: 'not-ram', summary: `physical ${formatAddress(physical)} is not RAM of this dump` });
  return factsOf(formatAddress(physical), details);
}

/** The first detail is the answer; a note about what could not be read is not what the address is. */
function factsOf(address: IdentifyFacts['address'], details: IdentifyDetail[]): IdentifyFacts {
  details.sort((a, b) => Number(a.kind === 'note') - Number(b.kind === 'note'));
  const first = details[0];
  return { address, kind: first?.kind ?? 'unmapped', summary: first?.summary ?? '', details };
}

/** Ways to know a kernel address, the most specific answers first. */
const kernelDescribers = [
  describeModule,
  describeBpf,
  describeSymbol,
  describeFixmap,
  describeCpuEntryArea,
  describeEspfix,
  describeEfiRuntime,
  describeKasanShadow,
  describePerCpu,
  describeVmallocAddress,
  describeMemoryMap,
  describeDirectMap,
] as const;

function attempt(details: IdentifyDetail[], describe: () => readonly IdentifyDetail[]): void {
  try {
    details.push(...describe());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    details.push({ kind: 'note', summary: error.message });
  }
}

/**
 * Seed 002's kind of wild pointer: direct-map base plus a complemented frame address, as a walker computes it from a
 * not-present entry whose PFN is stored inverted (arch/x86/include/asm/pgtable-invert.h). Adding wraps past 2^64.
 */
function invertedFrame(kernel: Kernel, address: Address): IdentifyDetail[] {
  if (kernel.machine.architecture !== 'x86-64') return [];
  const mask = 0x000f_ffff_ffff_f000n;
  const own = layoutX8664(kernel).pageOffset;
  // The address may come from another machine's log: there the bases without KASLR are worth a try.
  for (const base of new Set([own, 0xffff_8880_0000_0000n, 0xff11_0000_0000_0000n])) {
    const stored = BigInt.asUintN(64, address - base);
    if (stored > mask || (stored & 0xfffn) !== 0n) continue;
    const frame = ~stored & mask;
    const plausible = base === own ? isRam(kernel, Number(frame)) : frame < 1n << 46n;
    if (!plausible) continue;
    return [
      {
        kind: 'inverted-frame',
        summary: `equals the direct map at ${formatAddress(base)} plus the complement of physical ${formatAddress(frame)}: as if a not-present entry, whose frame number is stored inverted, had been taken for a table`,
        frame: formatAddress(frame),
        base: formatAddress(base),
      },
    ];
  }
  return [];
}

function describeSymbol(kernel: Kernel, address: Address): IdentifyDetail[] {
  const hit = allSymbols(kernel).resolve(address);
  if (hit === undefined) return [];
  const { symbol, offset } = hit;
  return [
    {
      kind: 'symbol',
      summary: formatSymbolHit(hit),
      name: symbol.name,
      offset,
      size: symbol.size,
      type: symbol.type,
      module: symbol.module ?? null,
      start: formatAddress(symbol.address),
    },
  ];
}

function describeDirectMap(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const { directMap } = layoutOf(kernel);
  if (directMap === undefined || address < directMap.start || address >= directMap.end) return [];
  const physical = Number(BigInt.asUintN(64, address - directMap.offset));
  const ram = isRam(kernel, physical);
  const frame = ram ? frameDetails(kernel, Math.floor(physical / kernel.pageSize), physical % kernel.pageSize) : [];
  const direct: IdentifyDetail = {
    kind: 'direct-map',
    summary: ram ? `direct map of physical ${formatAddress(physical)}` : `direct map, but physical ${formatAddress(physical)} is not RAM`,
    physical: formatAddress(physical),
    ram,
  };
  const alias = imageAlias(kernel, physical);
  const image = alias === undefined ? [] : [alias];
  // What the image has there is more than that the page is reserved; where the page has come to other use, that is more.
  const [first] = frame;
  const found = first === undefined || first.kind === 'reserved-page' ? [...image, ...frame] : [...frame, ...image];
  return [...found, direct];
}

function isRam(kernel: Kernel, physical: number): boolean {
  return findRange(kernel.physical.ranges, physical) >= 0;
}

/** The kernel image's own address of a frame that the direct map shows too. */
function imageAlias(kernel: Kernel, physical: number): IdentifyDetail | undefined {
  const start = kernel.addressOf('_text');
  const end = kernel.addressOf('_end');
  const { imageOffset, directMap } = layoutOf(kernel);
  if (start === undefined || end === undefined || imageOffset === undefined || imageOffset === directMap?.offset) return undefined;
  const virtual = toAddress(BigInt.asUintN(64, BigInt(physical) + imageOffset));
  if (virtual < start || virtual >= end) return undefined;
  const hit = allSymbols(kernel).resolve(virtual);
  return {
    kind: 'kernel-image-alias',
    summary: `the same memory as ${hit === undefined ? formatAddress(virtual) : formatSymbolHit(hit)} in the kernel image`,
    virtual: formatAddress(virtual),
  };
}

/** `describeFrame`, with a note in place of what cannot be read. */
function frameDetails(kernel: Kernel, pfn: number, offset: number): readonly IdentifyDetail[] {
  const details: IdentifyDetail[] = [];
  attempt(details, () => describeFrame(kernel, pfn, offset));
  return details;
}

/** An address among the struct pages: of the virtual memory map, or of an array that lies in the direct map. */
function describeMemoryMap(kernel: Kernel, address: Address): readonly IdentifyDetail[] {
  const place = structPageAt(kernel, address);
  if (place === undefined) return [];
  const { pfn, offset } = place;
  return [
    {
      kind: 'struct-page',
      summary: `struct page of pfn 0x${pfn.toString(16)} (physical ${formatAddress(pfn * kernel.pageSize)})`,
      pfn,
      physical: formatAddress(pfn * kernel.pageSize),
      offset,
    },
    ...frameDetails(kernel, pfn, 0),
  ];
}

/** The region of the address space, with its kind in `identify`'s words. */
function regionOf(kernel: Kernel, address: Address, pageTable: PageTable): { readonly kind: string; readonly name: string } {
  if (pageTable.isUserAddress(address)) return { kind: 'user-address', name: 'user space' };
  const layout = layoutOf(kernel);
  if (layout.regions.length === 0) return { kind: 'region', name: 'kernel space' };
  return regionAt(layout, address) ?? { kind: 'region', name: 'an unused part of kernel space' };
}

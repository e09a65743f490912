/** The kernel's own page-table dump of an address space: which ranges, markers and words each architecture's has. */
import { errors } from '../base/errors.ts';
import { formatAddress, parseAddress } from '../base/address.ts';
import { limits } from '../base/limits.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { kasanShadowTables } from '../kernel/layout/kasan-shadow.ts';
import { ptdumpColumns } from '../kernel/layout/ptdump-columns.ts';
import { ptdumpMarkers } from '../kernel/layout/ptdump-markers.ts';
import type { MarkedSpace } from '../kernel/layout/ptdump-markers.ts';
import { ptdumpArm } from '../pagetable/ptdump-arm.ts';
import { ptdumpArm64 } from '../pagetable/ptdump-arm64.ts';
import { ptdumpFlags } from '../pagetable/ptdump-flags.ts';
import type { PtdumpInput } from '../pagetable/ptdump-lines.ts';
import { ptdumpPowerpc } from '../pagetable/ptdump-powerpc.ts';
import { ptdumpRiscv } from '../pagetable/ptdump-riscv.ts';
import { ptdumpS390 } from '../pagetable/ptdump-s390.ts';
import { ptdumpX86 } from '../pagetable/ptdump-x86.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { PtdumpOptions } from './session-face.ts';
import type { Space } from './spaces.ts';

interface PageRange {
  readonly start: number;
  readonly end: number;
}

const levelNames = ['pgd', 'p4d', 'pud', 'pmd', 'pte'] as const;
const reasons = {
  unreadable: 'cannot be read',
  loop: 'is on the way to itself',
  budget: 'is one of more tables than this machine can hold',
} as const;

/** All lines; with a range, the lines that overlap it and the markers they stand under. */
export function ptdumpLines(kernel: Kernel, space: Space, options: PtdumpOptions): readonly PtdumpLine[] {
  const lines = dump(kernel, space, options);
  return options.range === undefined ? lines : withinRange(lines, options.range);
}

function dump(kernel: Kernel, space: Space, options: PtdumpOptions): PtdumpLine[] {
  const marked = markedSpace(space);
  const ranges = rangesOf(kernel, space, marked);
  const input: PtdumpInput = {
    pageTable: space.pageTable,
    markers: ptdumpMarkers(kernel, marked),
    ranges,
    shadow: kasanShadowTables(kernel),
    token: options.token,
    holes: options.holes ?? false,
    unwalked: (virtual, depth, table, why) => {
      const level = depth === 4 ? 'page' : (levelNames[depth + 1] ?? 'page');
      kernel.warn(
        `a ${level} table (or the ones that are folded into it) at physical ${formatAddress(table)}, for ${formatAddress(virtual)}, ${reasons[why]}; its range is shown as a hole`,
      );
    },
    cut: (from) => {
      kernel.warn(
        `the page tables give more than ${limits.ptdumpLines} lines, as damaged ones may: those from ${formatAddress(from)} on are left out`,
      );
    },
  };
  const columns = ptdumpColumns(kernel);
  switch (kernel.machine.architecture) {
    case 'x86-64':
    case 'x86-32':
      return ptdumpX86({ ...input, encryptionHigh: Number(BigInt.asUintN(64, kernel.vmcoreinfo?.number('sme_mask') ?? 0n) >> 32n) | 0 });
    case 'arm64': {
      const last = ranges.at(-1)?.end ?? 0;
      return ptdumpArm64({ ...input, ...columns, endPage: last === topPage ? 0 : last });
    }
    case 'riscv64':
      return ptdumpRiscv({ ...input, ...columns });
    case 's390x':
      return ptdumpS390(input);
    case 'ppc64':
    case 'ppc64le':
      return ptdumpPowerpc({ ...input, ...columns });
    case 'arm':
      return ptdumpArm({ ...input, ...columns });
    case 'mips64':
    case 'sparc64':
    case 'arc':
    case 'loongarch64':
      return ptdumpFlags(input);
    default:
      throw errors.notSupported(`Pagewalk knows no page tables of ${kernel.machine.architecture}`);
  }
}

const topPage = 2 ** 52;

function markedSpace(space: Space): MarkedSpace {
  if (space.kind === 'efi') return 'efi';
  return space.kind === 'kernel' || space.pageTable.half === 'kernel' ? 'kernel' : 'process';
}

/** What the kernel walks for its files of this name; of a process, which has no file on some architectures, its whole root. */
function rangesOf(kernel: Kernel, space: Space, marked: MarkedSpace): PageRange[] {
  const { mode } = space.pageTable;
  const { architecture } = kernel.machine;
  if (architecture === 'x86-64') {
    // The guard hole behind the lower half belongs to hypervisors and is not walked.
    const guardHoleEnd = mode.virtualBits > 48 ? 0xff10_0000_0000_0000n : 0xffff_8800_0000_0000n;
    return [
      { start: 0, end: 2 ** (mode.virtualBits - 13) },
      { start: Number(guardHoleEnd >> 12n), end: topPage },
    ];
  }
  if (mode.addressBits === 32) return [{ start: 0, end: 2 ** 20 }];
  if (mode.split === 'spaces') return [{ start: 0, end: 2 ** (mode.virtualBits - 12) }];
  if (mode.split === 'halves') {
    const pages = 2 ** (mode.virtualBits - 12);
    if (marked !== 'kernel') return [{ start: 0, end: pages }];
    const base = Number(mode.kernelBase >> 12n);
    return [{ start: base, end: Math.min(topPage, base + pages) }];
  }
  const half = 2 ** (mode.virtualBits - 13);
  const upper = { start: topPage - half, end: topPage };
  if (marked === 'kernel') return [upper];
  // The firmware's runtime services lie in the lowest 2 GiB (arch/riscv/mm/ptdump.c).
  return marked === 'efi' ? [{ start: 0, end: 2 ** 19 }] : [{ start: 0, end: half }, upper];
}

function withinRange(lines: readonly PtdumpLine[], range: { start: bigint; end: bigint }): PtdumpLine[] {
  const found: PtdumpLine[] = [];
  let marker: PtdumpLine | undefined;
  for (const line of lines) {
    if (line.region === null) {
      marker = line;
      continue;
    }
    const start = parseAddress(line.region.start) ?? 0n;
    const end = parseAddress(line.region.end) ?? 0n;
    const overlaps = start < range.end && (end === 0n || end > range.start);
    if (!overlaps) continue;
    if (marker !== undefined) found.push(marker);
    marker = undefined;
    found.push(line);
  }
  return found;
}

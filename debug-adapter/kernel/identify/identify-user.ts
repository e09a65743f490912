/** Addresses of user space: the area of a process, its file and offset, and what the page there is. */
import { formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import { describeFrame } from './identify-frame.ts';
import type { Kernel } from '../kernel.ts';
import { variable } from '../layout/layout-witnesses.ts';
import { firstVmaEndingAfter, vmaAt, vmFlag, vmaRights, vmas } from '../processes/mm.ts';
import type { Vma } from '../processes/mm.ts';
import { describeResource } from '../resource.ts';
import type { Task } from '../processes/task.ts';
import { mapsEntry } from '../processes/vma-maps.ts';
import type { MapsEntry } from '../processes/vma-maps.ts';

/** stack_guard_gap of kernels that do not tell theirs (mm/mmap.c), in pages. */
const usualGuardGap = 256n;

interface UserSpace {
  readonly pageTable: PageTable;
  readonly task: Task | undefined;
}

/**
 * The area that holds a user address with file, offset and rights, or the gap it lies in, then what its page is. Without a
 * process, or for one without an mm, the one detail says so.
 */
export function describeUserAddress(kernel: Kernel, address: Address, { pageTable, task }: UserSpace): IdentifyDetail[] {
  if (task === undefined) return [{ kind: 'user-address', summary: 'a user-space address; choose a process to learn what it maps there' }];
  const whose = `process ${task.pid} (${task.comm})`;
  const { mm } = task;
  if (mm === undefined) {
    return [{ kind: 'user-address', summary: `a user-space address; ${whose} has no address space: it is a kernel thread, or has ended` }];
  }
  const areas = vmas(kernel, mm);
  const vma = vmaAt(areas, address);
  const owner = { pid: task.pid, comm: task.comm };
  if (vma === undefined) return [{ ...gap(kernel, areas, { address, mm, whose }), ...owner }];
  const entry = mapsEntry(kernel, mm, vma);
  return [{ ...areaDetail(kernel, address, { entry, whose }), ...owner }, ...pageDetails(kernel, address, pageTable)];
}

function areaDetail(kernel: Kernel, address: Address, of: { entry: MapsEntry; whose: string }): IdentifyDetail {
  const { entry, whose } = of;
  const { vma, name, file } = entry;
  const offset = file === undefined ? undefined : vma.pageOffset * BigInt(kernel.pageSize) + (address - vma.start);
  const rights = vmaRights(vma);
  const what = offset === undefined ? (name ?? 'anonymous memory') : `${name ?? ''} at file offset ${formatAddress(offset)}`;
  return {
    kind: 'user-vma',
    summary: `${what} of ${whose}, ${rights}`,
    start: formatAddress(vma.start),
    end: formatAddress(vma.end),
    rights,
    name: name ?? null,
    file: file === undefined ? null : file.path,
    inode: file === undefined ? null : Number(file.inode),
    device: file === undefined ? null : `${file.device.major}:${file.device.minor}`,
    fileOffset: offset === undefined ? null : formatAddress(offset),
    vma: formatAddress(vma.address),
  };
}

/** Of a page that is there: where, and what it is. What is not there is told with the reason, for every address alike. */
function pageDetails(kernel: Kernel, address: Address, pageTable: PageTable): IdentifyDetail[] {
  const { physical, pageSize } = pageTable.translate(address);
  if (physical === undefined) return [];
  const pfn = Math.floor(physical / kernel.pageSize);
  const frame = optionalRead(() => describeFrame(kernel, pfn, physical % kernel.pageSize)) ?? [];
  const size = pageSize === kernel.pageSize ? '' : `, in a page of ${pageSize} bytes`;
  return [
    {
      kind: 'user-page',
      summary: `present at physical ${formatAddress(physical)}${size}`,
      physical: formatAddress(physical),
      pfn,
      pageSize,
    },
    ...(frame.length > 0 ? frame : describeResource(kernel, physical)),
  ];
}

/** Between two areas; below a stack lies a gap in which the kernel puts nothing, and into which a stack may grow. */
function gap(kernel: Kernel, areas: readonly Vma[], of: { address: Address; mm: Address; whose: string }): IdentifyDetail {
  const { address, mm, whose } = of;
  const index = firstVmaEndingAfter(areas, address);
  const [below, above] = [areas[index - 1], areas[index]];
  const neighbours = {
    below: below === undefined ? null : formatAddress(below.end),
    above: above === undefined ? null : formatAddress(above.start),
  };
  if (above !== undefined && (above.flags & vmFlag.growsDown) !== 0n) {
    const guard = BigInt.asUintN(64, variable(kernel, 'stack_guard_gap') ?? usualGuardGap * BigInt(kernel.pageSize));
    if (address >= above.start - guard) {
      const name = mapsEntry(kernel, mm, above).name ?? 'an area that grows down';
      return {
        kind: 'unmapped',
        summary: `${above.start - address} bytes below ${name} of ${whose}, in the gap that guards it`,
        ...neighbours,
      };
    }
  }
  return { kind: 'unmapped', summary: `no mapping of ${whose} covers it`, ...neighbours };
}

/** The kernel's own page-table dump of an address space, by architecture. */
import { errors } from '../base/errors.ts';
import { formatAddress, parseAddress } from '../base/address.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { kasanShadowTables } from '../kernel/kasan-shadow.ts';
import { x8664Markers } from '../kernel/ptdump-markers-x86-64.ts';
import { ptdumpX86 } from '../pagetable/ptdump-x86.ts';
import type { PtdumpLine } from '../protocol/requests.ts';
import type { PtdumpOptions } from './session-face.ts';
import type { Space } from './spaces.ts';

/** All lines; with a range, the lines that overlap it and the markers they stand under. */
export function ptdumpLines(kernel: Kernel, space: Space, options: PtdumpOptions): readonly PtdumpLine[] {
  if (kernel.machine.architecture !== 'x86-64') {
    throw errors.notSupported(`ptdump of ${kernel.machine.architecture} is not supported yet; vtop and the page-table tree are`);
  }
  const lines = dumpX8664(kernel, space, options);
  return options.range === undefined ? lines : withinRange(lines, options.range);
}

function dumpX8664(kernel: Kernel, space: Space, options: PtdumpOptions): PtdumpLine[] {
  const { mode } = space.pageTable;
  const five = mode.virtualBits > 48;
  // The guard hole behind the lower half belongs to hypervisors and is not walked.
  const guardHoleEnd = five ? 0xff10_0000_0000_0000n : 0xffff_8800_0000_0000n;
  const mask = kernel.vmcoreinfo?.number('sme_mask') ?? 0n;
  return ptdumpX86({
    pageTable: space.pageTable,
    markers: x8664Markers(kernel),
    ranges: [
      { start: 0, end: 2 ** (mode.virtualBits - 13) },
      { start: Number(guardHoleEnd >> 12n), end: 2 ** 52 },
    ],
    digits: 16,
    kasan: kasanShadowTables(kernel),
    encryptionHigh: Number(BigInt.asUintN(64, mask) >> 32n) | 0,
    token: options.token,
    unreadable: (virtual, depth, table) => {
      const level = ['pgd', 'p4d', 'pud', 'pmd', 'pte'][depth] ?? 'page';
      kernel.warn(
        `the ${level} table at physical ${formatAddress(table)}, for ${formatAddress(virtual)}, cannot be read; its range is shown as a hole`,
      );
    },
  });
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

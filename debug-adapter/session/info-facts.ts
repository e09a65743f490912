import { formatAddress } from '../base/address.ts';
import { UserError } from '../base/errors.ts';
import { clock } from '../kernel/clock.ts';
import type { Finding, Kernel } from '../kernel/kernel.ts';
import { layoutOf, regionOfKind } from '../kernel/layout/layout.ts';
import { modules } from '../kernel/modules/module.ts';
import { nodeSpans } from '../kernel/pages/numa.ts';
import { pageOffsetMethods } from '../kernel/layout/page-offset-x86-64.ts';
import { tasks } from '../kernel/processes/task.ts';
import type { InfoFacts } from '../protocol/facts.ts';
import type { ClockFacts, NodeFacts } from '../protocol/machine-state.ts';
import { logEndFacts } from './log-facts.ts';
import { memoryMap } from './memory-map-facts.ts';

/** The overview of an image, each quantity with how it was found. */
export function infoFacts(kernel: Kernel): InfoFacts {
  const { image } = kernel;
  const layout = layoutOf(kernel);
  const findings: Finding[] = [...kernel.root.findings, ...layout.findings];
  const hex = (value: bigint | undefined): string | null => (value === undefined ? null : formatAddress(value));
  const counted = <Value>(count: () => Value): Value | null => {
    try {
      return count();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      kernel.warn(error.message);
      return null;
    }
  };
  const taskCount = counted(() => tasks(kernel).length);
  const moduleCount = counted(() => modules(kernel).length);
  return {
    format: image.format,
    compression: image.compression,
    architecture: kernel.machine.architecture,
    pagingLevels: kernel.root.mode.levels.length,
    pageSize: kernel.pageSize,
    release: kernel.vmcoreinfo?.osRelease ?? releaseFromMemory(kernel),
    kaslrOffset: hex(layout.kaslrOffset),
    physBase: hex(layout.physBase),
    pageOffset: hex(layout.directMap?.start),
    vmallocBase: hex(regionOfKind(layout, 'vmalloc-space')?.start),
    vmemmapBase: hex(regionOfKind(layout, 'struct-page')?.start),
    pageTableRoot: formatAddress(kernel.root.pageTable.root),
    symbols: { source: kernel.symbols.source, count: kernel.symbols.count },
    types: { source: kernel.types?.source ?? null },
    cpus: image.cpus.length,
    tasks: taskCount,
    modules: moduleCount,
    memory: {
      ranges: image.memory.ranges.map(({ start, end }) => ({ start: formatAddress(start), end: formatAddress(end) })),
      bytes: image.memory.ranges.reduce((sum, { start, end }) => sum + end - start, 0),
      dumpLevel: image.dumpLevel ?? null,
      map: memoryMap(image.memory),
      nodes: nodeFacts(kernel),
    },
    clock: clockFacts(kernel),
    log: logEndFacts(kernel),
    header: image.headerFacts,
    evidence: findings.map(({ quantity, value, source }) => ({ quantity, value: formatAddress(value), source })),
    pageOffsetMethods: methodFacts(kernel, layout.directMap?.start),
    warnings: [...kernel.warnings],
  };
}

/** Each method by which page_offset_base is deduced, and whether it comes to what the others made of it. */
function methodFacts(kernel: Kernel, believed: bigint | undefined): InfoFacts['pageOffsetMethods'] {
  if (kernel.machine.architecture !== 'x86-64') return [];
  return pageOffsetMethods(kernel).map(({ method, value, note }) => ({
    method,
    value: value === undefined ? null : formatAddress(value),
    agrees: value === undefined ? null : value === believed,
    note: note === '' ? null : note,
  }));
}

function nodeFacts(kernel: Kernel): NodeFacts[] {
  try {
    const bytes = (page: number): string => formatAddress(BigInt(page) * BigInt(kernel.pageSize));
    return nodeSpans(kernel).map(({ id, start, end }) => ({ id, start: bytes(start), end: bytes(end) }));
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

function clockFacts(kernel: Kernel): ClockFacts {
  try {
    return clock(kernel);
  } catch (error) {
    if (error instanceof UserError) return { stopped: null, uptime: null, source: error.message };
    throw error;
  }
}

/** `linux_banner` begins `Linux version RELEASE `. */
function releaseFromMemory(kernel: Kernel): string | null {
  const banner = kernel.addressOf('linux_banner');
  if (banner === undefined) return null;
  try {
    return /^Linux version (\S+)/.exec(kernel.memory.cString(banner, 512))?.[1] ?? null;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

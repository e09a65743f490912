/** /proc/PID/pagemap and PAGEMAP_SCAN in the shapes that scripts and views get. */
import { formatAddress, parseAddress, toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { neverCancelled } from '../base/cancellation.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { wholeEntry } from '../arch/table-mode.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { allCategories, categoryNames, namesOfCategories, scanFlagNames } from '../kernel/pagemap/pagemap-category.ts';
import { hasPagemapScan, PagemapProcess, taskSize } from '../kernel/pagemap/pagemap-process.ts';
import { addressLimit, pagemapScan } from '../kernel/pagemap/pagemap-scan.ts';
import type { PagemapScanArguments } from '../kernel/pagemap/pagemap-scan.ts';
import { readPagemap } from '../kernel/pagemap/pagemap.ts';
import type { PagemapFacts, PagemapScanFacts, PagemapScanRequest } from '../protocol/facts.ts';
import type { PagemapOptions } from './session-face.ts';
import type { Spaces } from './spaces.ts';
import { processOf } from './task-facts.ts';

function openProcess(kernel: Kernel, spaces: Spaces, pid: number): { readonly process: PagemapProcess; readonly comm: string } {
  const { task, mm } = processOf(kernel, pid);
  const { pageTable } = spaces.get(String(pid), { user: false });
  return { process: new PagemapProcess(kernel, mm, pageTable), comm: task.comm };
}

/** Entries of a range, or of the process's memory areas. */
export function pagemapFacts(kernel: Kernel, spaces: Spaces, asked: PagemapOptions & { readonly pid: number }): PagemapFacts {
  const { pid, range, token = neverCancelled } = asked;
  const before = new Set(kernel.warnings);
  const { process, comm } = openProcess(kernel, spaces, pid);
  const shift = BigInt(process.pageShift);
  const entries: { address: string; count: number; entry: string }[] = [];
  const missing: { start: string; end: string; reason: string }[] = [];
  let last = { next: -1, low: -1, high: -1 };
  const take = (page: number, count: number, low: number, high: number): void => {
    const open = entries.at(-1);
    if (open !== undefined && last.next === page && last.low === low && last.high === high) open.count += count;
    else {
      if (entries.length >= limits.pagemapRuns)
        throw errors.limit(`the entries of the range are more than ${limits.pagemapRuns} runs; ask for a smaller range`);
      entries.push({
        address: formatAddress(BigInt(page) << shift),
        count,
        entry: formatAddress(wholeEntry(low, high)),
      });
    }
    last = { next: page + count, low, high };
  };
  for (const { start, end } of range === undefined ? process.areas : [cut(range, taskSize(kernel, process.mm))]) {
    if (start >= end) continue;
    readPagemap(process, {
      start: Number(start >> shift),
      end: Number((end + BigInt(kernel.pageSize) - 1n) >> shift),
      token,
      sink: take,
      missing: (from, to, reason) => {
        missing.push({ start: formatAddress(BigInt(from) << shift), end: formatAddress(BigInt(to) << shift), reason });
      },
    });
  }
  return { pid, comm, pageSize: kernel.pageSize, entries, missing, warnings: newWarnings(kernel, before) };
}

/** Reading behind the last address of a process ends the file. */
function cut(range: { readonly start: Address; readonly end: Address }, size: bigint | undefined): { start: Address; end: Address } {
  return size === undefined || range.end <= size ? range : { start: range.start, end: toAddress(size) };
}

function newWarnings(kernel: Kernel, before: ReadonlySet<string>): string[] {
  return [...kernel.warnings].filter((warning) => !before.has(warning));
}

/** Answers the ioctl. Throws `UserError` for what is no number or name; what the kernel would refuse is an answer. */
export function pagemapScanFacts(
  kernel: Kernel,
  spaces: Spaces,
  asked: { readonly request: PagemapScanRequest; readonly token: CancellationToken },
): PagemapScanFacts {
  const { request, token } = asked;
  const before = new Set(kernel.warnings);
  const { process } = openProcess(kernel, spaces, request.pid);
  const told = scanArguments(process, request);
  const result = pagemapScan(
    process,
    { ...told, vecLen: told.vecLen < limits.pagemapRegions ? told.vecLen : BigInt(limits.pagemapRegions) },
    token,
  );
  const shift = BigInt(process.pageShift);
  const run = ({ start, end }: { readonly start: number; readonly end: number }): { start: string; end: string } => ({
    start: formatAddress(BigInt(start) << shift),
    end: formatAddress(BigInt(end) << shift),
  });
  const warnings = newWarnings(kernel, before);
  if (!hasPagemapScan(kernel) && kernel.symbols.count > 0) {
    warnings.push('this kernel has no PAGEMAP_SCAN, which came in 6.7: the answer is what later kernels would give');
  }
  if (result.regions.length === limits.pagemapRegions && told.vecLen > limits.pagemapRegions) {
    warnings.push(`the scan stops after ${limits.pagemapRegions} regions; go on from the walk's end`);
  }
  const { error } = result;
  return {
    return: error === undefined ? result.regions.length : -1,
    ...(error === undefined ? {} : { errno: error.name, message: error.why }),
    walkEnd: result.walkEnd === undefined ? null : formatAddress(result.walkEnd),
    regions: result.regions.map((region) => ({ ...run(region), categories: namesOfCategories(region.categories) })),
    protects: result.protects.map(run),
    missing: result.missing.map((gap) => ({ ...run(gap), reason: gap.reason })),
    warnings,
  };
}

function scanArguments(process: PagemapProcess, request: PagemapScanRequest): PagemapScanArguments {
  return {
    size: number('size', request.size) ?? 96n,
    flags: mask('flags', request.flags, scanFlagNames) ?? 0n,
    start: number('start', request.start) ?? 0n,
    end: number('end', request.end) ?? addressLimit(process),
    vec: request.vec ?? true,
    vecLen: number('vecLen', request.vecLen) ?? (request.vec === false ? 0n : BigInt(limits.pagemapRegions)),
    maxPages: number('maxPages', request.maxPages) ?? 0n,
    categoryInverted: mask('categoryInverted', request.categoryInverted, categoryNames) ?? 0n,
    categoryMask: mask('categoryMask', request.categoryMask, categoryNames) ?? 0n,
    categoryAnyofMask: mask('categoryAnyofMask', request.categoryAnyofMask, categoryNames) ?? 0n,
    returnMask: mask('returnMask', request.returnMask, categoryNames) ?? BigInt(allCategories(process)),
  };
}

function number(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const value = parseAddress(text);
  if (value === undefined) throw errors.badArgument(`${name} is no number: ${text}; write decimal digits, or 0x and hexadecimal ones`);
  return value;
}

/** Names joined by `|` or `,`, with or without their PAGE_IS_ or PM_SCAN_; or a number. Empty for none. */
function mask(name: string, text: string | undefined, names: readonly string[]): bigint | undefined {
  if (text === undefined) return undefined;
  let value = 0n;
  for (const part of text.split(/[|,]/)) {
    const plain = part
      .trim()
      .toUpperCase()
      .replace(/^(?:PAGE_IS_|PM_SCAN_)/, '');
    if (plain === '') continue;
    const bit = names.indexOf(plain);
    const asNumber = bit >= 0 ? 1n << BigInt(bit) : parseAddress(part.trim());
    if (asNumber === undefined)
      throw errors.badArgument(`${name} has the unknown word ${part.trim()}; write names joined by | (${names.join(', ')}), or a number`);
    value |= asNumber;
  }
  return value;
}

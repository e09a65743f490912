/** `pagewalk pagemap` and `pagewalk pagemap-scan`. */
import { formatAddress, parseAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { MapsFacts, PagemapFacts, PagemapScanFacts } from '../protocol/facts.ts';
import { exitStatus } from './arguments.ts';

/** Bits of an entry above the frame's number, and their words (Documentation/admin-guide/mm/pagemap.rst). */
const words: readonly (readonly [bit: bigint, word: string])[] = [
  [63n, 'present'],
  [62n, 'swap'],
  [61n, 'file'],
  [58n, 'guard'],
  [57n, 'uffd-wp'],
  [56n, 'exclusive'],
  [55n, 'soft-dirty'],
];

/**
 * A line an entry, or a run of equal ones: address, entry, and the entry in words. With `maps`, each area's line of
 * /proc/PID/maps stands above its entries, and entries of nothing are left out.
 */
export function pagemapText(facts: PagemapFacts, maps: MapsFacts | undefined): string {
  const lines: string[] = [];
  const areas = maps === undefined ? [] : maps.areas.map((area) => ({ start: parseAddress(area.start) ?? 0n, text: `# ${area.text}` }));
  let next = 0;
  for (const { address, count, entry } of facts.entries) {
    const start = parseAddress(address);
    const value = parseAddress(entry);
    if (start === undefined || value === undefined) continue;
    for (let area = areas[next]; area !== undefined && area.start <= start; area = areas[++next]) lines.push(area.text);
    if (maps === undefined || value !== 0n)
      lines.push(`${span(start, count, facts.pageSize)} ${value.toString(16).padStart(16, '0')}${inWords(value)}`);
  }
  for (const { text } of areas.slice(next)) lines.push(text);
  for (const { start, end, reason } of facts.missing) lines.push(`${start}-${end} cannot be told: ${reason}`);
  return lines.map((line) => `${line}\n`).join('');
}

function span(start: Address, count: number, pageSize: number): string {
  const first = start.toString(16);
  return count === 1 ? first : `${first}-${(start + BigInt(count) * BigInt(pageSize)).toString(16)}`;
}

function inWords(entry: bigint): string {
  const told = words.filter(([bit]) => ((entry >> bit) & 1n) === 1n).map(([, word]) => word);
  const frame = entry & ((1n << 55n) - 1n);
  if (entry >> 63n === 1n) told.push(`pfn ${formatAddress(frame)}`);
  else if (((entry >> 62n) & 1n) === 1n) told.push(`type ${frame & 0x1fn} offset ${formatAddress(frame >> 5n)}`);
  return told.length === 0 ? '' : `  ${told.join(' ')}`;
}

/** A region a line, then what is write-protected and missing, and what the ioctl returns. */
export function pagemapScanText(facts: PagemapScanFacts): string {
  const lines = facts.regions.map(
    ({ start, end, categories }) => `${start}-${end} ${categories.length === 0 ? '-' : categories.join('|')}`,
  );
  for (const { start, end } of facts.protects) lines.push(`${start}-${end} would be write-protected`);
  for (const { start, end, reason } of facts.missing) lines.push(`${start}-${end} cannot be told: ${reason}`);
  lines.push(
    `${facts.errno === undefined ? `return ${facts.return}` : `return -1 ${facts.errno}`}${facts.walkEnd === null ? '' : `, walk_end ${facts.walkEnd}`}`,
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** 2 where the kernel would refuse the arguments, 1 where it fails on the process. */
export function pagemapScanStatus(facts: PagemapScanFacts): number {
  if (facts.errno === undefined) return exitStatus.fine;
  return facts.errno === 'EINVAL' || facts.errno === 'EFAULT' ? exitStatus.unusable : exitStatus.notFound;
}

/** /proc/iomem: what a physical address belongs to, by the kernel's tree of resources (include/linux/ioport.h, kernel/resource.c). */
import { limits } from '../base/limits.ts';
import { formatAddress } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { optionalRead } from '../memory/optional-read.ts';
import type { IdentifyDetail } from '../protocol/facts.ts';
import type { Kernel } from './kernel.ts';

interface Resource {
  readonly start: bigint;
  /** Last byte. */
  readonly end: bigint;
  readonly name: string;
  /** 1 for those under the root, 2 for theirs, and so on. */
  readonly depth: number;
}

/** The resources that hold the address, the innermost first in the sentence; none where the kernel's list has none. */
export function describeResource(kernel: Kernel, physical: PhysAddr): IdentifyDetail[] {
  if (kernel.types === undefined) return [];
  const holding = kernel.once(resources).filter(({ start, end }) => start <= BigInt(physical) && BigInt(physical) <= end);
  const last = holding.at(-1);
  if (last === undefined) return [];
  const range = `${formatAddress(last.start)}-${formatAddress(last.end)}`;
  const within =
    holding.length === 1
      ? ''
      : ` (in ${holding
          .slice(0, -1)
          .map(({ name }) => name)
          .join(', ')})`;
  return [
    {
      kind: 'resource',
      summary: `${last.name}${within} in /proc/iomem, ${range}`,
      path: holding.map(({ name }) => name),
      start: formatAddress(last.start),
      end: formatAddress(last.end),
    },
  ];
}

/** All resources, each followed by those inside it, as /proc/iomem lists them. What cannot be read ends its branch. */
export function resources(kernel: Kernel): readonly Resource[] {
  const found: Resource[] = [];
  const root = kernel.addressOf('iomem_resource');
  const shape = kernel.structs('the resources of /proc/iomem').find('resource');
  if (root === undefined || shape?.has('child') !== true) return found;
  const seen = new Set<Address>([root]);
  // Siblings wait while the children of one before them are listed.
  const waiting: { at: Address; depth: number }[] = [];
  const visit = (at: Address | undefined, depth: number): void => {
    if (at === undefined || at === 0n || seen.has(at)) return;
    if (seen.size <= limits.resources) waiting.push({ at, depth });
    else kernel.warn(`there are more than ${limits.resources} resources of physical memory; the others are not told`);
  };
  visit(
    optionalRead(() => shape.pointer(root, 'child')),
    1,
  );
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { at, depth } = next;
    if (seen.has(at)) continue;
    seen.add(at);
    const resource = optionalRead(() => {
      const name = shape.pointer(at, 'name');
      const text =
        name === 0n ? '<BAD>' : (optionalRead(() => kernel.memory.cString(name, limits.nameBytes)) ?? 'a resource whose name is missing');
      return { start: shape.unsigned(at, 'start'), end: shape.unsigned(at, 'end'), name: text, depth };
    });
    if (resource === undefined) continue;
    found.push(resource);
    visit(
      optionalRead(() => shape.pointer(at, 'sibling')),
      depth,
    );
    visit(
      optionalRead(() => shape.pointer(at, 'child')),
      depth + 1,
    );
  }
  return found;
}

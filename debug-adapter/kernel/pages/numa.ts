/** NUMA nodes of page frames (include/linux/mm.h:page_to_nid, include/linux/page-flags-layout.h). */
import { nodeCount } from '../node-count.ts';
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { Kernel } from '../kernel.ts';
import { pageFrameOf } from './page-frame.ts';

/**
 * The node of the frame that a struct page describes; undefined when the kernel is built without CONFIG_NUMA. Throws
 * `MemoryFault` when the page or node tables cannot be read.
 */
export function nodeOfPage(kernel: Kernel, page: Address): number | undefined {
  const layout = kernel.once(nodeLayout);
  if (layout === undefined) return undefined;
  if (layout.shift !== undefined) {
    const structs = kernel.structs('finding the NUMA node of a page');
    return Number((structs.get('page').unsigned(page, 'flags') >> BigInt(layout.shift)) & layout.mask);
  }
  const frame = pageFrameOf(kernel, page);
  if (kernel.addressOf('node_data') === undefined) return singleNode(kernel);
  const node = kernel.once(nodeSpans).find((span) => frame !== undefined && frame >= span.start && frame < span.end);
  return node?.id ?? 0;
}

/** The only online node, where there is just one; then every page lies in it, whatever can be read of its struct page. */
export function singleNode(kernel: Kernel): number | undefined {
  const online = kernel.once(onlineNodes);
  return online.length === 1 ? online[0] : undefined;
}

/** Numbers of the nodes in node_online_map (include/linux/nodemask.h); empty without CONFIG_NUMA. */
function onlineNodes(kernel: Kernel): number[] {
  if (!hasNodes(kernel)) return [];
  const map = kernel.vmcoreinfo?.symbol('node_online_map');
  const bytes = kernel.vmcoreinfo?.size('nodemask_t');
  if (map === undefined || bytes === undefined) return [];
  const bits = nodeCount(kernel, bytes * 8);
  const found: number[] = [];
  const wordBits = kernel.memory.pointerSize * 8;
  for (let first = 0; first < bits; first += wordBits) {
    const word = kernel.memory.word(toAddress(map + BigInt(first / 8)));
    for (let bit = 0; bit < wordBits; bit++) if (((word >> BigInt(bit)) & 1n) === 1n) found.push(first + bit);
  }
  return found;
}

/** CONFIG_NUMA: there is node_data; where no symbol tells, VMCOREINFO names the only node of other kernels. */
function hasNodes(kernel: Kernel): boolean {
  if (kernel.addressOf('node_data') !== undefined) return true;
  const { vmcoreinfo } = kernel;
  return vmcoreinfo?.symbol('node_online_map') !== undefined && kernel.addressOf('contig_page_data') === undefined;
}

interface NodeLayout {
  /** Bit of page.flags at which the node number begins; undefined where it must be found by frame number. */
  readonly shift: number | undefined;
  readonly mask: bigint;
}

/**
 * With the virtual memory map, page.flags has no section number and the node stands in its top NODES_SHIFT bits, where
 * MAX_NUMNODES = 2^NODES_SHIFT is the length of node_data.
 */
function nodeLayout(kernel: Kernel): NodeLayout | undefined {
  if (!hasNodes(kernel)) return undefined;
  const length = kernel.vmcoreinfo?.length('node_data');
  const virtualMemoryMap = kernel.vmcoreinfo?.symbol('vmemmap') ?? kernel.addressOf('vmemmap_populate');
  if (length === undefined || length < 1 || virtualMemoryMap === undefined) return { shift: undefined, mask: 0n };
  const width = Math.ceil(Math.log2(length));
  return { shift: kernel.memory.pointerSize * 8 - width, mask: (1n << BigInt(width)) - 1n };
}

interface NodeSpan {
  readonly id: number;
  /** Page frame numbers [start, end). */
  readonly start: number;
  readonly end: number;
}

/** What frames each node spans; spans may have holes and lie in each other. Throws `MemoryFault`. */
export function nodeSpans(kernel: Kernel): NodeSpan[] {
  const pglist = kernel.types === undefined ? undefined : kernel.structs('NUMA nodes').find('pglist_data');
  if (pglist === undefined || kernel.addressOf('node_data') === undefined) return [];
  return memoryNodes(kernel).map((node) => {
    const start = pglist.number(node, 'node_start_pfn');
    return { id: pglist.number(node, 'node_id'), start, end: start + pglist.number(node, 'node_spanned_pages') };
  });
}

/** Every pglist_data: those that node_data points to, or without CONFIG_NUMA the one there is. Throws `MemoryFault`. */
export function memoryNodes(kernel: Kernel): readonly Address[] {
  const nodeData = kernel.addressOf('node_data');
  if (nodeData === undefined) {
    const only = kernel.addressOf('contig_page_data');
    return only === undefined ? [] : [only];
  }
  const nodes: Address[] = [];
  const count = nodeCount(kernel, kernel.vmcoreinfo?.length('node_data'));
  for (let index = 0; index < count; index++) {
    const node = kernel.memory.pointer(addToAddress(nodeData, index * kernel.memory.pointerSize));
    // Numbers may be left out; without the array's length the first gap is its end.
    if (node !== 0n) nodes.push(node);
    else if (kernel.vmcoreinfo?.length('node_data') === undefined) break;
  }
  return nodes;
}

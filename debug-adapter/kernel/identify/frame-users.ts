/**
 * Which processes have a page mapped: by the areas that its anon_vma or address_space lists (the kernel's own reverse map,
 * mm/rmap.c), each checked by the process's page table.
 */
import { limits } from '../../base/limits.ts';
import { formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { UserError } from '../../base/errors.ts';
import { frameSize } from '../../memory/physical-memory.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { PageTable } from '../../pagetable/page-table.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import type { Kernel } from '../kernel.ts';
import { processTable } from '../processes/process-table.ts';
import { walkRbTree } from '../containers/rb-tree.ts';
import { tasks } from '../processes/task.ts';
import type { Task } from '../processes/task.ts';

/** What of a struct page leads to the processes that have the page mapped. */
export interface MappedPage {
  readonly pfn: number;
  /** page.mapping of the folio's head, with its low bits. */
  readonly mapping: bigint;
  /** Index of the page in its file or anonymous area, in pages. */
  readonly index: bigint;
}

interface FrameUser {
  readonly task: Task;
  readonly virtual: Address;
}

/** `identify`'s detail of who has a page mapped; none where nobody was found. */
export function describeUsers(kernel: Kernel, page: MappedPage): IdentifyDetail[] {
  const { users, cut } = usersOf(kernel, page);
  if (users.length === 0 && !cut) return [];
  const words = users.slice(0, 3).map(({ task, virtual }) => `process ${task.pid} (${task.comm}) at ${formatAddress(virtual)}`);
  return [
    {
      kind: 'mapped-by',
      summary:
        users.length === 0 ? 'mapped by more areas than are looked at' : `mapped by ${words.join(', ')}${moreThan(users.length, cut)}`,
      users: users.map(({ task, virtual }) => ({ pid: task.pid, comm: task.comm, virtual: formatAddress(virtual) })),
    },
  ];
}

/** What follows the first three of `count` users. */
function moreThan(count: number, cut: boolean): string {
  if (count <= 3) return cut ? '; others may map it too' : '';
  return cut ? ' and others' : ` and ${count - 3} more`;
}

/** `cut`: there may be more. */
function usersOf(kernel: Kernel, page: MappedPage): { readonly users: readonly FrameUser[]; readonly cut: boolean } {
  const byMm = kernel.once(tasksByMm);
  const vma = kernel.structs('the processes that map a page').get('vm_area_struct');
  const found: FrameUser[] = [];
  const areas = areasOf(kernel, page.mapping);
  let cut = areas.length > limits.frameUserAreas;
  for (const at of areas.slice(0, limits.frameUserAreas)) {
    const user = optionalRead(() => {
      const owner = byMm.get(vma.pointer(at, 'vm_mm'));
      if (owner === undefined) return undefined;
      const [start, end] = [vma.pointer(at, 'vm_start'), vma.pointer(at, 'vm_end')];
      const first = vma.unsigned(at, 'vm_pgoff');
      // Until 6.7 hugetlbfs counted in huge pages: the page table tells which of the two it is.
      const pages = [page.index - first, BigInt(page.pfn % hugePages(kernel)) + (page.index - first) * BigInt(hugePages(kernel))];
      for (const into of pages) {
        const virtual = toAddress(BigInt.asUintN(64, start + into * BigInt(kernel.pageSize)));
        if (into >= 0n && virtual >= start && virtual < end && frameAt(kernel, owner.table, virtual) === page.pfn) {
          return { task: owner.task, virtual };
        }
      }
      return undefined;
    });
    if (user === undefined) continue;
    if (found.length >= limits.frameUsers) {
      cut = true;
      break;
    }
    found.push(user);
  }
  found.sort((a, b) => a.task.pid - b.task.pid || (a.virtual < b.virtual ? -1 : 1));
  return { users: found, cut };
}

/** Base pages of a huge page of the usual size. */
function hugePages(kernel: Kernel): number {
  const { levels, pageShift } = kernel.root.mode;
  return 2 ** ((levels.at(-2)?.shift ?? pageShift) - pageShift);
}

function frameAt(kernel: Kernel, table: PageTable, virtual: Address): number {
  return Math.floor((table.frameOf(Number(virtual >> 12n)) * frameSize) / kernel.pageSize);
}

/** vm_area_structs that may map the page: of the tree in its anon_vma, or of its file's i_mmap. */
function areasOf(kernel: Kernel, mapping: bigint): Address[] {
  const structs = kernel.structs('the processes that map a page');
  const vma = structs.get('vm_area_struct');
  const at = toAddress(mapping & ~3n);
  const walk = (root: Address, memberOffset: number): Address[] => walkRbTree(structs, root, { memberOffset, problem: () => undefined });
  if ((mapping & 3n) === 1n) {
    const chain = structs.find('anon_vma_chain');
    const anonymous = structs.find('anon_vma');
    if (chain?.has('rb') !== true || anonymous?.has('rb_root') !== true) return [];
    return walk(anonymous.address(at, 'rb_root'), chain.offset('rb')).flatMap((one) => optionalRead(() => chain.pointer(one, 'vma')) ?? []);
  }
  const space = structs.find('address_space');
  if ((mapping & 3n) !== 0n || space?.has('i_mmap') !== true || !vma.has('shared.rb')) return [];
  return walk(space.address(at, 'i_mmap'), vma.offset('shared.rb'));
}

interface Owner {
  readonly task: Task;
  readonly table: PageTable;
}

/** The first task of each address space, with its page table. */
function tasksByMm(kernel: Kernel): ReadonlyMap<Address, Owner> {
  const found = new Map<Address, Owner>();
  try {
    for (const task of tasks(kernel)) {
      const { mm } = task;
      if (mm === undefined || found.has(mm)) continue;
      const table = optionalRead(() => processTable(kernel, mm));
      if (table !== undefined) found.set(mm, { task, table });
    }
  } catch (error) {
    // The tasks cannot be listed: then none is told.
    if (!(error instanceof UserError)) throw error;
  }
  return found;
}

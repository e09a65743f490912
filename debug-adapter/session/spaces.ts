/** The address spaces of one kernel by the names that `--mm` takes. */
import { formatAddress, parseAddress, toPhysAddr } from '../base/address.ts';
import type { PhysAddr } from '../base/address.ts';
import { errors, UserError } from '../base/errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { hasRoot, pgdOf } from '../kernel/processes/mm.ts';
import { findTask, taskAt, tasks } from '../kernel/processes/task.ts';
import { hasPageTableIsolation, userRootOffset } from '../kernel/x86-cpu.ts';
import type { Task } from '../kernel/processes/task.ts';
import { PageTable } from '../pagetable/page-table.ts';
import type { AddressSpaceFacts } from '../protocol/facts.ts';
import type { FilteredPart } from './list-part.ts';
import type { SpaceName } from './session-face.ts';

/** An address space that answers can be about. */
export interface Space {
  /** Unique among the spaces of the kernel. */
  readonly id: string;
  readonly kind: 'kernel' | 'efi' | 'process' | 'root';
  /** The half that user mode sees under page-table isolation. */
  readonly user: boolean;
  readonly pageTable: PageTable;
  readonly task: Task | undefined;
}

/** Names are `kernel`, `efi`, a PID, or `0x` and the physical address of a root table; the page table of each is made once. */
export class Spaces {
  readonly #kernel: Kernel;
  readonly #known = new Map<string, Space>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The space called `name` (`kernel` by default). Throws `UserError` for an unknown name or process. */
  get(name: SpaceName | undefined, half: { readonly user: boolean }): Space {
    const plain = name ?? 'kernel';
    const id = half.user ? `${plain} user` : plain;
    let space = this.#known.get(id);
    if (space === undefined) {
      space = this.#find(plain, id, half.user);
      this.#known.set(id, space);
    }
    return space;
  }

  /** The spaces that can be chosen, all or a part: the kernel's, the firmware's, and each process's. Tasks behind are not read. */
  all({ start, count, filter }: FilteredPart = { start: 0, count: Number.POSITIVE_INFINITY }): AddressSpaceFacts[] {
    const found: AddressSpaceFacts[] = [];
    let place = 0;
    for (const space of this.each(filter)) {
      if (found.length === count) break;
      if (place++ >= start) found.push(space);
    }
    return found;
  }

  /** The same one by one, those whose label holds `filter` in any case. */
  *each(filter = ''): Generator<AddressSpaceFacts> {
    const kernel = this.#kernel;
    const { root } = kernel.root.pageTable;
    const wanted = filter.toLowerCase();
    const fits = (label: string): boolean => label.toLowerCase().includes(wanted);
    const [kernelLabel, efiLabel] = ['kernel (init_mm)', 'EFI runtime services (efi_mm)'];
    if (fits(kernelLabel)) yield { id: 'kernel', label: kernelLabel, root: formatAddress(root), userRoot: null };
    if (fits(efiLabel) && kernel.addressOf('efi_mm') !== undefined) {
      const efi = this.#attempt(() => this.get('efi', { user: false }).pageTable.root);
      if (efi !== undefined) yield { id: 'efi', label: efiLabel, root: formatAddress(efi), userRoot: null };
    }
    const isolated = hasPageTableIsolation(this.#kernel);
    for (let index = 0; ; index++) {
      const task = this.#attempt(() => taskAt(kernel, index));
      if (task === undefined) return;
      const { mm } = task;
      const label = `${task.pid} ${task.comm}`;
      if (mm === undefined || task.pid !== task.tgid || !fits(label)) continue;
      const pgd = this.#attempt(() => pgdOf(kernel, mm));
      if (pgd === undefined) continue;
      yield {
        id: String(task.pid),
        label,
        root: formatAddress(pgd),
        userRoot: isolated ? formatAddress(pgd + userRootOffset) : null,
      };
    }
  }

  #find(name: string, id: string, user: boolean): Space {
    const kernel = this.#kernel;
    if (name === 'kernel') {
      if (!user) return { id, kind: 'kernel', user, pageTable: kernel.root.pageTable, task: undefined };
      return this.#make(kernel.root.pageTable.root, { id, kind: 'kernel', user, task: undefined });
    }
    if (name === 'efi') {
      const efi = kernel.needAddressOf('efi_mm', 'the EFI page table');
      if (!hasRoot(kernel, efi)) throw errors.noFirmwareTable();
      return this.#make(pgdOf(kernel, efi), { id, kind: 'efi', user, task: undefined });
    }
    if (/^[0-9]+$/.test(name)) {
      const task = findTask(kernel, Number(name));
      if (task === undefined) throw errors.unknownProcess(name);
      if (task.mm === undefined) {
        throw errors.badArgument(`task ${name} (${task.comm}) is a kernel thread and has no address space of its own; use --mm kernel`);
      }
      return this.#make(pgdOf(kernel, task.mm), { id, kind: 'process', user, task });
    }
    const root = /^0x/i.test(name) ? parseAddress(name) : undefined;
    if (root === undefined || root >= 1n << 52n) {
      throw errors.badArgument(`--mm takes kernel, efi, a PID, or the physical address of a root table (0x…), not ${name}`);
    }
    const task = this.#taskOfRoot(toPhysAddr(root));
    return this.#make(toPhysAddr(root), { id, kind: 'root', user, task });
  }

  #make(root: PhysAddr, space: Omit<Space, 'pageTable'>): Space {
    const kernel = this.#kernel;
    const at = space.user && hasPageTableIsolation(kernel) ? toPhysAddr(root + userRootOffset) : root;
    const mode = kernel.root.modeOfRoot?.(at) ?? kernel.root.mode;
    // A root of unknown owner translates kernel addresses when it is the kernel's own.
    const half = space.kind === 'process' || space.kind === 'efi' || root !== kernel.root.pageTable.root ? 'user' : 'kernel';
    return {
      ...space,
      pageTable: new PageTable(
        kernel.physical,
        mode,
        at,
        half === 'user' ? { half, kernel: kernel.root.pageTable, firmware: space.kind === 'efi' } : { half },
      ),
    };
  }

  #taskOfRoot(root: PhysAddr): Task | undefined {
    return this.#attempt(() => tasks(this.#kernel).find((task) => task.mm !== undefined && pgdOf(this.#kernel, task.mm) === root));
  }

  #attempt<Value>(look: () => Value): Value | undefined {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // Whose a root is need not be known; that there are no types is told where types are looked for.
      if (error.code !== 'no-types') this.#kernel.warn(error.message);
      return undefined;
    }
  }
}

/** Every page table that a dump holds: the kernel's, the firmware's, and each process's, with the halves that user mode sees. */
import { formatAddress } from '../base/address.ts';
import type { CancellationToken } from '../base/cancellation.ts';
import { UserError } from '../base/errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { pageTableRoots } from '../kernel/processes/page-table-roots.ts';
import { tasks } from '../kernel/processes/task.ts';
import type { Task } from '../kernel/processes/task.ts';
import type { Space, Spaces } from './spaces.ts';

/** An address space as answers over all of them name it. */
export interface NamedSpace {
  readonly space: Space;
  /** As `--mm` takes it. */
  readonly mm: string;
  /** Places, in the list, of the page tables whose kernel half it repeats. */
  readonly repeats: readonly number[];
}

/**
 * `mm` alone, or with all others. `warn` hears what cannot be found, and why; what cannot for want of type information stands
 * in `untyped`, so that one sentence can tell it all.
 */
export class SpaceList {
  readonly found: NamedSpace[] = [];
  readonly untyped: string[] = [];
  readonly #kernel: Kernel;
  readonly #spaces: Spaces;
  readonly #warn: (what: string, why: string) => void;

  constructor(kernel: Kernel, spaces: Spaces, warn: (what: string, why: string) => void) {
    this.#kernel = kernel;
    this.#spaces = spaces;
    this.#warn = warn;
  }

  /** Adds a page table and the half of it that user mode sees, where that is another. Throws `UserError`. */
  add(mm: string): void {
    const space = this.#spaces.get(mm, { user: false });
    const place = this.found.push({ space, mm, repeats: this.found.length === 0 ? [] : [0] }) - 1;
    const half = this.#spaces.get(mm, { user: true });
    if (half.pageTable.root === space.pageTable.root) return;
    this.found.push({ space: half, mm, repeats: place === 0 ? [0] : [0, place] });
  }

  /** The kernel's, the firmware's and the processes'. */
  addAll(): void {
    this.#attempt('the page table of kernel', () => {
      this.add('kernel');
    });
    this.#attempt('the page table of efi', () => {
      if (this.#hasFirmwareTable()) this.add('efi');
    });
    this.#attempt('processes', () => {
      for (const { pid } of this.#processes()) {
        this.#attempt(`the page table of ${pid}`, () => {
          this.add(String(pid));
        });
      }
    });
  }

  /** Roots that no task has: in a CPU's register, of a process that is being made or has ended. */
  addOthers(token: CancellationToken): void {
    const known = new Set<number>(this.found.map(({ space }) => space.pageTable.root));
    this.#attempt('roots that belong to no process', () => {
      for (const { root } of pageTableRoots(this.#kernel, token).roots) {
        if (known.has(root)) continue;
        const mm = formatAddress(root);
        this.#attempt(`the page table at ${mm}`, () => {
          this.found.push({ space: this.#spaces.get(mm, { user: false }), mm, repeats: [0] });
        });
      }
    });
  }

  #attempt(what: string, look: () => void): void {
    try {
      look();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error.code === 'no-types') this.untyped.push(what);
      else this.#warn(what, error.message);
    }
  }

  /** Machines that were not booted by EFI have an efi_mm whose pgd is null. */
  #hasFirmwareTable(): boolean {
    const efi = this.#kernel.addressOf('efi_mm');
    if (efi === undefined) return false;
    return this.#kernel.structs("the firmware's page table").get('mm_struct').pointer(efi, 'pgd') !== 0n;
  }

  /** One task of each process that has an address space: its leader, or another thread where the leader has ended. */
  #processes(): readonly Task[] {
    const found = new Map<string, Task>();
    for (const task of tasks(this.#kernel)) {
      if (task.mm === undefined) continue;
      const key = `${task.tgid} ${formatAddress(task.mm)}`;
      if (!found.has(key) || task.pid === task.tgid) found.set(key, task);
    }
    return [...found.values()];
  }
}

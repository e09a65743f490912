/**
 * Every page-table root that a dump knows, with whose it is: mm_structs (of tasks, borrowed by kernel threads, and the
 * kernel's own), x86's pgd_list, and the registers of the CPUs. A root that several ways lead to is told once.
 */
import { addToAddress, formatAddress, toAddress, toPhysAddr } from '../../base/address.ts';
import type { Address, PhysAddr } from '../../base/address.ts';
import { throwIfCancelled } from '../../base/cancellation.ts';
import type { CancellationToken } from '../../base/cancellation.ts';
import { UserError } from '../../base/errors.ts';
import { initTask } from './init-task.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import { hasRoot, pgdOf, physicalOf } from './mm.ts';
import { pageFrameOf } from '../pages/page-frame.ts';
import { perCpuAddress, possibleCpus } from '../per-cpu.ts';
import { tasks } from './task.ts';
import type { Task } from './task.ts';

const purpose = 'listing the page-table roots';

/** A root table with all who use it. */
export interface PageTableRoot {
  /** Physical address of the table, in bytes. */
  readonly root: PhysAddr;
  /** `pid 35 (name)` of the processes that own it; empty for the kernel's own. */
  readonly processes: readonly string[];
  /** All its names: the processes, `init_mm`, `efi_mm`, `CR3 of CPU 0`, `mm at 0x… (on pgd_list)`… */
  readonly owners: readonly string[];
  /** The mm_structs that point to it. */
  readonly mms: readonly Address[];
}

/** Every root table that the kernel's structures lead to. */
export interface PageTableRoots {
  /** init_mm's root, the one that the others are copies of; undefined when the dump does not tell. */
  readonly reference: PhysAddr | undefined;
  /** Ascending by address; init_mm's is among them. */
  readonly roots: readonly PageTableRoot[];
  /** What could not be read and may have hidden roots, one sentence each. */
  readonly warnings: readonly string[];
}

/** Lists the roots. Damaged lists end with a warning; without type information only init_mm's root and the registers are known. */
export function pageTableRoots(kernel: Kernel, token: CancellationToken): PageTableRoots {
  const found = new RootCollector(kernel, token);
  const reference = found.addInitMm();
  found.addNamedMms();
  found.addTasks();
  found.addLoadedMms();
  found.addPgdList();
  found.addRegisters();
  return { reference, roots: found.roots(), warnings: [...found.warnings] };
}

/** Symbols of the kernel's own root, the oldest name last. */
const swapperNames = ['swapper_pg_dir', 'init_top_pgt', 'init_level4_pgt'] as const;
/** mm_structs that are variables, and pointers to one. */
const staticMms = ['efi_mm', 'tboot_mm'] as const;
const mmPointers = ['poking_mm', 'text_poke_mm'] as const;

interface Entry {
  readonly processes: Set<string>;
  readonly names: Set<string>;
  readonly mms: Set<Address>;
  /** Told only when nothing better names the root. */
  readonly lesser: Set<string>;
}

class RootCollector {
  readonly warnings = new Set<string>();
  readonly #kernel: Kernel;
  readonly #token: CancellationToken;
  readonly #entries = new Map<PhysAddr, Entry>();
  readonly #rootOfMm = new Map<Address, PhysAddr | undefined>();

  constructor(kernel: Kernel, token: CancellationToken) {
    this.#kernel = kernel;
    this.#token = token;
  }

  roots(): PageTableRoot[] {
    return [...this.#entries]
      .map(([root, { processes, names, mms, lesser }]) => {
        const owners = [...processes, ...names];
        return { root, processes: [...processes], owners: owners.length > 0 ? owners : [...lesser], mms: [...mms] };
      })
      .sort((a, b) => a.root - b.root);
  }

  addInitMm(): PhysAddr | undefined {
    const kernel = this.#kernel;
    const symbol = swapperNames
      .map((name) => kernel.vmcoreinfo?.symbol(name) ?? kernel.addressOf(name))
      .find((address) => address !== undefined);
    const named = symbol === undefined ? undefined : this.#attempt("the kernel's root", () => physicalOf(kernel, toAddress(symbol)));
    const initMm = kernel.addressOf('init_mm');
    const pointed = initMm === undefined || kernel.types === undefined ? undefined : this.#addMm(initMm, { name: 'init_mm' });
    if (named !== undefined && pointed !== undefined && named !== pointed) {
      this.warnings.add(
        `init_mm.pgd points to ${formatAddress(pointed)}, but swapper_pg_dir lies at ${formatAddress(named)}; init_mm's is taken for the kernel's root`,
      );
    }
    const reference = pointed ?? named;
    if (reference !== undefined) this.#entry(reference).names.add('init_mm');
    return reference;
  }

  addNamedMms(): void {
    const kernel = this.#kernel;
    if (kernel.types === undefined) return;
    for (const name of staticMms) {
      const mm = kernel.addressOf(name);
      if (mm !== undefined) this.#addMm(mm, { name });
    }
    for (const name of mmPointers) {
      const pointer = kernel.addressOf(name);
      const mm = pointer === undefined ? undefined : this.#attempt(name, () => kernel.memory.pointer(pointer));
      if (mm !== undefined && isPointer(mm)) this.#addMm(mm, { name });
    }
  }

  addTasks(): void {
    const kernel = this.#kernel;
    // Then only the roots that registers and symbols tell are known; who asks for processes tells that.
    if (kernel.types === undefined) return;
    const all = this.#attempt('the tasks', () => tasks(kernel)) ?? [];
    // The list of tasks is read once for all; what was wrong with it stands with the kernel.
    for (const warning of kernel.warnings) if (/^(?:tasks: |the task_struct at )/.test(warning)) this.warnings.add(warning);
    // Threads share their leader's address space, and it is the leader's name that users know; a leader may exit first.
    const known = new Set<Address>();
    for (const leadersOnly of [true, false]) {
      for (const task of all) {
        throwIfCancelled(this.#token);
        if (task.mm === undefined || (task.pid === task.tgid) !== leadersOnly || (!leadersOnly && known.has(task.mm))) continue;
        known.add(task.mm);
        this.#addMm(task.mm, { process: `pid ${task.pid} (${task.comm})` });
      }
    }
    for (const task of [...all.filter(({ mm }) => mm === undefined), ...this.#idleTasks()]) this.#addBorrowed(task);
  }

  /** x86 cpu_tlbstate.loaded_mm: the address space whose tables a CPU has loaded (arch/x86/mm/tlb.c). */
  addLoadedMms(): void {
    const kernel = this.#kernel;
    const state = kernel.addressOf('cpu_tlbstate');
    const shape = kernel.types === undefined ? undefined : kernel.structs(purpose).find('tlb_state');
    if (state === undefined || shape?.has('loaded_mm') !== true) return;
    for (const cpu of possibleCpus(kernel)) {
      const mm = this.#attempt(`cpu_tlbstate of CPU ${cpu}`, () => shape.pointer(perCpuAddress(kernel, state, cpu), 'loaded_mm'));
      if (mm !== undefined && isPointer(mm)) this.#addMm(mm, { lesser: `mm at ${formatAddress(mm)}, loaded on CPU ${cpu}` });
    }
  }

  /** x86 keeps every process's root on a list, through its struct page (arch/x86/mm/pgtable.c:pgd_list_add). */
  addPgdList(): void {
    const kernel = this.#kernel;
    const head = kernel.addressOf('pgd_list');
    if (head === undefined || kernel.types === undefined) return;
    const structs = kernel.structs(purpose);
    const ptdesc = structs.find('ptdesc');
    const page = structs.find('page');
    const link = ptdesc?.has('pt_list') === true ? ptdesc.offset('pt_list') : page?.has('lru') === true ? page.offset('lru') : undefined;
    if (link === undefined) {
      this.warnings.add('pgd_list cannot be followed: struct page has neither pt_list nor lru in the types of this dump');
      return;
    }
    const owner = [
      { shape: ptdesc, member: 'pt_mm' },
      { shape: page, member: 'pt_mm' },
      { shape: page, member: 'index' },
    ].find(({ shape, member }) => shape?.has(member));
    const problem = (message: string): void => {
      this.warnings.add(`pgd_list: ${message}; a root may be missing`);
    };
    for (const address of walkList(kernel.memory, head, link, problem)) {
      throwIfCancelled(this.#token);
      const frame = this.#attempt('pgd_list', () => pageFrameOf(kernel, address));
      if (frame === undefined) {
        problem(`${formatAddress(address)} is not the address of a struct page`);
        continue;
      }
      const mm = this.#attempt('pgd_list', () => owner?.shape?.pointer(address, owner.member));
      const root = toPhysAddr(frame * kernel.pageSize);
      const entry = this.#entry(root);
      const of = mm === undefined || !isPointer(mm) ? undefined : mm;
      if (of !== undefined) entry.mms.add(of);
      if (entry.lesser.size === 0) entry.lesser.add(of === undefined ? 'a root on pgd_list' : `mm at ${formatAddress(of)} (on pgd_list)`);
      const pointed = of === undefined ? undefined : this.#rootOfMm.get(of);
      if (pointed !== undefined && pointed !== root) {
        problem(
          `it has ${formatAddress(root)} as the root of the mm at ${formatAddress(of ?? 0n)}, whose pgd is at ${formatAddress(pointed)}`,
        );
      }
    }
  }

  addRegisters(): void {
    const { image, machine } = this.#kernel;
    const names = rootRegisters[machine.architecture];
    if (names === undefined) return;
    for (const cpu of image.cpus) {
      for (const { name, value } of [...cpu.control, ...cpu.registers]) {
        const root = names.includes(name) ? this.#rootInRegister(value) : undefined;
        if (root !== undefined) this.#entry(root).names.add(`${name.toUpperCase()} of CPU ${cpu.index}`);
      }
    }
  }

  #rootInRegister(value: bigint): PhysAddr | undefined {
    const { mode } = this.#kernel.root;
    const { architecture } = this.#kernel.machine;
    let root: bigint;
    if (architecture === 'x86-64') {
      // PCID below, and bits of memory encryption above, are no address.
      root = BigInt(mode.tableAddress(0, Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))));
    } else if (architecture === 'x86-32') root = value & (mode.levels.length === 3 ? 0xffff_ffe0n : 0xffff_f000n);
    else if (architecture === 'riscv64') root = (value & 0xfff_ffff_ffffn) << 12n;
    else if (architecture === 'riscv32') root = (value & 0x3f_ffffn) << 12n;
    else root = value & 0xffff_ffff_ffff_f000n;
    return root === 0n || root >= 1n << 52n ? undefined : toPhysAddr(root);
  }

  #addMm(mm: Address, by: { readonly name?: string; readonly process?: string; readonly lesser?: string }): PhysAddr | undefined {
    let root = this.#rootOfMm.get(mm);
    if (root === undefined && !this.#rootOfMm.has(mm)) {
      root = this.#attempt(by.process ?? by.name ?? by.lesser ?? 'an mm', () => this.#pgdOf(mm, by.name !== undefined));
      this.#rootOfMm.set(mm, root);
    }
    if (root === undefined) return undefined;
    const entry = this.#entry(root);
    entry.mms.add(mm);
    if (by.process !== undefined) entry.processes.add(by.process);
    if (by.name !== undefined) entry.names.add(by.name);
    if (by.lesser !== undefined) entry.lesser.add(by.lesser);
    return root;
  }

  #pgdOf(mm: Address, mayBeUnused: boolean): PhysAddr | undefined {
    if (mayBeUnused && !hasRoot(this.#kernel, mm)) return undefined;
    return pgdOf(this.#kernel, mm);
  }

  /** A kernel thread has no address space and runs in the one that was there before it. */
  #addBorrowed(task: Pick<Task, 'address' | 'pid' | 'comm'>): void {
    throwIfCancelled(this.#token);
    const shape = this.#kernel.structs(purpose).find('task_struct');
    if (shape?.has('active_mm') !== true) return;
    const mm = this.#attempt(`pid ${task.pid} (${task.comm})`, () => shape.pointer(task.address, 'active_mm'));
    if (mm === undefined || !isPointer(mm)) return;
    this.#addMm(mm, { lesser: `mm at ${formatAddress(mm)}, borrowed by pid ${task.pid} (${task.comm})` });
  }

  /** They are on no list (kernel/smpboot.c:idle_threads, init/init_task.c). */
  #idleTasks(): Pick<Task, 'address' | 'pid' | 'comm'>[] {
    const kernel = this.#kernel;
    const found = new Map<Address, Pick<Task, 'address' | 'pid' | 'comm'>>();
    const add = (address: Address | undefined): void => {
      if (address === undefined || !isPointer(address)) return;
      const shape = kernel.structs(purpose).find('task_struct');
      const comm = this.#attempt('an idle task', () => shape?.text(address, 'comm'));
      if (comm !== undefined) found.set(address, { address, pid: 0, comm });
    };
    add(initTask(kernel));
    const threads = kernel.addressOf('idle_threads');
    if (threads === undefined || kernel.addressOf('__per_cpu_offset') === undefined) return [...found.values()];
    for (const cpu of possibleCpus(kernel)) {
      add(this.#attempt(`the idle task of CPU ${cpu}`, () => kernel.memory.pointer(perCpuAddress(kernel, threads, cpu))));
    }
    return [...found.values()];
  }

  #entry(root: PhysAddr): Entry {
    let entry = this.#entries.get(root);
    if (entry === undefined) {
      entry = { processes: new Set(), names: new Set(), mms: new Set(), lesser: new Set() };
      this.#entries.set(root, entry);
    }
    return entry;
  }

  #attempt<Value>(what: string, look: () => Value): Value | undefined {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.warnings.add(`${what}: ${error.message}`);
      return undefined;
    }
  }
}

/** Registers that hold a root, as the notes name them. */
const rootRegisters: Readonly<Partial<Record<Kernel['machine']['architecture'], readonly string[]>>> = {
  'x86-64': ['cr3'],
  'x86-32': ['cr3'],
  riscv64: ['satp'],
  riscv32: ['satp'],
  arm64: ['ttbr1_el1'],
  s390x: ['cr1', 'cr7', 'cr13'],
};

/** Not null, and not one of the small numbers that the kernel uses as marks (LOADED_MM_SWITCHING is 1). */
function isPointer(address: Address): boolean {
  return address >= 4096n;
}

/** What mm_struct.context holds under one of the given names; undefined where this kernel has none of them, or it cannot be read. */
export function contextWord(kernel: Kernel, mm: Address, members: readonly string[]): bigint | undefined {
  const shape = kernel.types === undefined ? undefined : kernel.structs(purpose).find('mm_struct');
  const path = members.map((member) => `context.${member}`).find((one) => shape?.has(one));
  if (shape === undefined || path === undefined) return undefined;
  try {
    return shape.unsigned(mm, path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}

/** A pointer that lies `offset` bytes into a variable of the kernel; undefined when it cannot be read. */
export function pointerInVariable(kernel: Kernel, symbol: string, offset: number): Address | undefined {
  const variable = kernel.addressOf(symbol);
  if (variable === undefined) return undefined;
  try {
    return kernel.memory.pointer(addToAddress(variable, offset));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}

/**
 * One kernel in one image: its page table, address space, names, types and layout. Everything beyond the page table is
 * found on first use, so that translating an address costs neither symbols nor types.
 */
import { toAddress } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { errors } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Image, MachineHint } from '../image/image.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import type { PagingMode } from '../arch/paging-mode.ts';
import type { CombinedSymbols } from '../symbols/combined-symbols.ts';
import type { TypeTable } from '../symbols/types.ts';
import type { Vmcoreinfo } from '../symbols/vmcoreinfo.ts';
import { Structs } from './structs.ts';

/** One way in which a quantity of the layout was found. */
export interface Finding {
  readonly quantity: string;
  readonly value: bigint;
  /** In words, e.g. `VMCOREINFO NUMBER(phys_base)`. */
  readonly source: string;
}

/** The page table of the kernel and how it was found. */
export interface KernelRoot {
  readonly mode: PagingMode;
  readonly pageTable: PageTable;
  readonly findings: readonly Finding[];
  readonly warnings: readonly string[];
  /** Paging mode of a root of another address space, where each has its own (s390: a process has as many levels as it needs). */
  readonly modeOfRoot?: (root: PhysAddr) => PagingMode | undefined;
}

/** What the openers of names and types give; see open-kernel.ts. */
export interface KernelSources {
  readonly openSymbols: (kernel: Kernel) => CombinedSymbols;
  readonly openTypes: (kernel: Kernel) => TypeTable | undefined;
}

/** VMCOREINFO SYMBOL() of these is no address of a variable, but what the variable or macro stands for. */
const notedByValue: ReadonlySet<string> = new Set(['mem_section', 'vmemmap']);

/**
 * What is known of one kernel. `once(reader)` keeps the answer of a subject for as long as the kernel is open; readers throw
 * `UserError` where a symbol, type or page that they need is missing.
 */
export class Kernel {
  readonly image: Image;
  readonly machine: MachineHint;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly root: KernelRoot;
  /** Kernel addresses, through the kernel's own page table. */
  readonly memory: AddressSpace;
  /** What went wrong or disagrees, one sentence each, without repeats. */
  readonly warnings = new Set<string>();
  readonly #sources: KernelSources;
  readonly #subjects = new Map<unknown, unknown>();
  #opening = 0;
  #leftOut = 0;
  #symbols: CombinedSymbols | undefined;
  #types: { readonly table: TypeTable | undefined } | undefined;
  #structs: Structs | undefined;

  constructor(parts: {
    image: Image;
    machine: MachineHint;
    vmcoreinfo: Vmcoreinfo | undefined;
    root: KernelRoot;
    memory: AddressSpace;
    sources: KernelSources;
  }) {
    this.image = parts.image;
    this.machine = parts.machine;
    this.vmcoreinfo = parts.vmcoreinfo;
    this.root = parts.root;
    this.memory = parts.memory;
    this.#sources = parts.sources;
    for (const warning of parts.root.warnings) this.warnings.add(warning);
  }

  /** The image's physical memory. */
  get physical(): PhysicalMemory {
    return this.memory.physical;
  }

  /** Bytes of the machine's base page. */
  get pageSize(): number {
    return 2 ** this.root.mode.pageShift;
  }

  /** Names of the kernel image (modules are added by kernel/module.ts); empty when the dump has no readable table. */
  get symbols(): CombinedSymbols {
    this.#symbols ??= this.#open(this.#sources.openSymbols);
    return this.#symbols;
  }

  /** The type information, opened when it is first asked for; undefined where there is none, with a warning that says why. */
  get types(): TypeTable | undefined {
    this.#types ??= { table: this.#open(this.#sources.openTypes) };
    return this.#types.table;
  }

  #open<Result>(open: (kernel: Kernel) => Result): Result {
    this.#opening++;
    try {
      return open(this);
    } finally {
      this.#opening--;
    }
  }

  /** Shapes of the kernel's structs; `purpose` completes the message when there is no type information. */
  structs(purpose: string): Structs {
    if (this.types === undefined) throw errors.noTypes(purpose);
    this.#structs ??= new Structs(this.types, this.memory);
    return this.#structs;
  }

  /** Address of a symbol of the kernel image, or undefined. Kallsyms may have functions alone; VMCOREINFO names some data. */
  addressOf(name: string): Address | undefined {
    const known = this.symbols.findInKernel(name)?.address;
    if (known !== undefined || notedByValue.has(name)) return known;
    const noted = this.vmcoreinfo?.symbol(name);
    return noted === undefined ? undefined : toAddress(noted);
  }

  /** Address of a symbol that `purpose` cannot do without. */
  needAddressOf(name: string, purpose: string): Address {
    const address = this.addressOf(name);
    if (address !== undefined) return address;
    if (this.symbols.count === 0) throw errors.noSymbols(purpose);
    throw errors.neededSymbol(name, purpose);
  }

  /** What a subject (vmalloc, tasks…) has found once and keeps for the life of the kernel. */
  once<Value>(subject: (kernel: Kernel) => Value): Value {
    if (!this.#subjects.has(subject)) this.#subjects.set(subject, subject(this));
    return this.#subjects.get(subject) as Value;
  }

  /**
   * As `once`, for what page tables ask to explain an entry. Looking for the answer, or for symbols and types, reads through
   * page tables itself: who asks meanwhile gets `meanwhile`.
   */
  onceOr<Value>(subject: (kernel: Kernel) => Value, meanwhile: Value): Value {
    if (!this.#subjects.has(subject) && this.#opening > 0) return meanwhile;
    return this.#open(() => this.once(subject));
  }

  /** Adds a sentence to `warnings`; the same one counts once, and of those beyond the bound it is told that there are some. */
  warn(message: string): void {
    if (this.warnings.size < limits.warnings || this.warnings.has(message)) {
      this.warnings.add(message);
      return;
    }
    // The sentence changes, so that each answer that lacks warnings has it among its new ones.
    this.warnings.delete(moreWarnings(this.#leftOut));
    this.#leftOut++;
    this.warnings.add(moreWarnings(this.#leftOut));
  }
}

function moreWarnings(count: number): string {
  return `more is wrong than ${limits.warnings} warnings tell: ${count} times no other was given`;
}

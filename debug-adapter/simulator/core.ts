/** The parts of a booted machine, on which operations work. All that changes is in memory; what stands here is where it lies. */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import { parseNotes } from '../image/elf-notes.ts';
import type { DumpNotes } from '../image/elf-notes.ts';
import type { CpuState, Image, VirtualSegment } from '../image/image.ts';
import type { CTypes } from './c-declarations.ts';
import { cpuNote } from './elf-writer.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { Arguments, Step } from './operation.ts';
import type { MachineConfiguration } from './options.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { Platform } from './platform.ts';
import type { SlabCache } from './slab.ts';
import type { Tables } from './tables.ts';
import { entryTrampoline } from './x86-regions.ts';

/** Steps of an operation, and what it gives. */
export type Steps<Result = void> = Generator<Step, Result>;

/** Slab caches that the simulated kernel allocates its structures from. */
export type CacheName =
  | 'vmap_area'
  | 'vm_struct'
  | 'vmap_block'
  | 'xa_node'
  | 'task_struct'
  | 'signal_cache'
  | 'mm_struct'
  | 'vm_area_struct'
  | 'maple_node'
  | 'pgd_cache'
  | 'kmalloc-64'
  | 'kmalloc-256'
  | 'dentry'
  | 'inode_cache'
  | 'filp';

/** A call that is under way, for the frames of a step. */
export interface Call {
  readonly name: string;
  readonly variables: () => Arguments;
}

/** What a machine is put together from when it has booted. */
export interface CoreParts {
  readonly configuration: MachineConfiguration;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly types: CTypes;
  readonly tables: Tables;
  readonly pages: PageAllocator;
  readonly caches: Readonly<Record<CacheName, SlabCache>>;
  /** Physical addresses of the kernel's symbols. */
  readonly symbols: ReadonlyMap<string, number>;
  /** Physical address of each CPU's instance of the per-CPU variables, by name. */
  readonly perCpu: ReadonlyMap<string, readonly number[]>;
  /** Value of the symbol of a per-CPU variable that is always 0. */
  readonly zeroCounter: bigint;
  /** Root table of init_mm. */
  readonly root: number;
  readonly vmcoreinfo: string;
}

/** What every operation gets. Addresses of objects are physical, in bytes, as numbers. */
export class Core {
  readonly configuration: MachineConfiguration;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly types: CTypes;
  readonly tables: Tables;
  readonly pages: PageAllocator;
  readonly caches: Readonly<Record<CacheName, SlabCache>>;
  readonly root: number;
  readonly zeroCounter: bigint;
  readonly vmcoreinfo: string;
  /** Calls that are under way, outermost first. */
  readonly calls: Call[] = [];
  readonly #symbols: ReadonlyMap<string, number>;
  readonly #perCpu: ReadonlyMap<string, readonly number[]>;
  readonly #subjects = new Map<unknown, unknown>();

  constructor(parts: CoreParts) {
    this.configuration = parts.configuration;
    this.platform = parts.platform;
    this.memory = parts.memory;
    this.types = parts.types;
    this.tables = parts.tables;
    this.pages = parts.pages;
    this.caches = parts.caches;
    this.root = parts.root;
    this.zeroCounter = parts.zeroCounter;
    this.vmcoreinfo = parts.vmcoreinfo;
    this.#symbols = parts.symbols;
    this.#perCpu = parts.perCpu;
  }

  /** Physical address of a symbol of the kernel image. Throws `RangeError` for one that it does not have. */
  symbol(name: string): number {
    const at = this.#symbols.get(name);
    if (at === undefined) throw new RangeError(`the simulated kernel has no ${name}`);
    return at;
  }

  /** Whether an address is one of the kernel's symbols. */
  symbolAddress(name: string): Address {
    return this.memory.virtual(this.symbol(name));
  }

  /** Physical address of a CPU's instance of a per-CPU variable. */
  perCpu(name: string, cpu: number): number {
    const at = this.#perCpu.get(name)?.[cpu];
    if (at === undefined) throw new RangeError(`the simulated kernel has no per-CPU ${name} of CPU ${cpu}`);
    return at;
  }

  /** The CPU that operations run on. */
  get cpu(): number {
    return this.memory.u32(this.symbol('simulated_cpu'));
  }

  set cpu(cpu: number) {
    this.memory.setU32(this.symbol('simulated_cpu'), cpu);
  }

  /** What is worked out once for a machine and does not change. */
  once<Value>(subject: (core: Core) => Value): Value {
    if (!this.#subjects.has(subject)) this.#subjects.set(subject, subject(this));
    return this.#subjects.get(subject) as Value;
  }

  /** Begins a call: `variables` are asked for only where a debugger looks. */
  enter(name: string, variables: () => Arguments = () => ({})): void {
    this.calls.push({ name, variables });
  }

  /** The innermost open call has ended. */
  leave(): void {
    this.calls.pop();
  }

  /** A step that a debugger can stop before. */
  step(what: () => string): Step {
    return new CoreStep(this.calls, what);
  }

  /** The machine as a dump of it would be. */
  image(): Image {
    return {
      name: 'simulated machine',
      format: 'simulated machine',
      compression: [],
      machine: { architecture: this.platform.architecture, littleEndian: true, pointerSize: this.platform.pointerSize },
      memory: this.memory,
      vmcoreinfo: { text: this.vmcoreinfo, source: 'VMCOREINFO of the simulated machine' },
      cpus: this.#cpus(),
      virtualSegments: this.segments(),
      headerFacts: [],
      dumpLevel: undefined,
      warnings: [],
      eraseInfo: undefined,
      close: () => undefined,
    };
  }

  /**
   * Program headers as /proc/kcore and /proc/vmcore have them: the kernel image and the direct map of RAM. With `kcoreRemap`
   * the entry trampoline comes first, as in 4.19: a header with both addresses that is not of the direct map.
   */
  segments(): VirtualSegment[] {
    const { image, directOffset, architecture } = this.platform;
    const found: VirtualSegment[] = [];
    if (architecture === 'x86-64') {
      if (this.configuration.features.kcoreRemap) {
        found.push({
          virtual: entryTrampoline(this.configuration.cpus),
          physical: BigInt(this.symbol('__entry_text_start')),
          size: 0x1000n,
        });
      }
      found.push({ virtual: image.virtual, physical: BigInt(image.physical), size: BigInt(image.size) });
    }
    for (const { start, end } of this.memory.ranges) {
      found.push({ virtual: (directOffset + BigInt(start)) & this.memory.addressMask, physical: BigInt(start), size: BigInt(end - start) });
    }
    return found;
  }

  /** Registers as a kernel's own vmcore tells them: general ones, no control registers. */
  #cpus(): CpuState[] {
    const registers = this.once(registersOf);
    return Array.from({ length: this.configuration.cpus }, (_, index) => ({ index, pid: 0, registers, control: [] }));
  }
}

function registersOf({ platform }: Core): CpuState['registers'] {
  const { architecture, pointerSize } = platform;
  const notes: DumpNotes = { cpus: [], vmcoreinfo: undefined, warnings: [] };
  parseNotes(cpuNote(architecture), { file: 'simulated machine', machine: { architecture, littleEndian: true, pointerSize } }, notes);
  return notes.cpus[0]?.registers ?? [];
}

class CoreStep implements Step {
  readonly #calls: readonly Call[];
  readonly #what: () => string;

  constructor(calls: readonly Call[], what: () => string) {
    this.#calls = calls;
    this.#what = what;
  }

  get what(): string {
    return this.#what();
  }

  get depth(): number {
    return Math.max(0, this.#calls.length - 1);
  }

  get frames(): Step['frames'] {
    return this.#calls.map(({ name, variables }) => ({ name, variables: variables() }));
  }
}

/** Steps inside a call of that name. */
export function* within<Result>(core: Core, call: Call, steps: Steps<Result>): Steps<Result> {
  core.calls.push(call);
  try {
    return yield* steps;
  } finally {
    core.calls.pop();
  }
}

/** The address of a page number. */
export function addressOfPage(core: Core, page: number): Address {
  return toAddress((BigInt(page) << 12n) & core.memory.addressMask);
}

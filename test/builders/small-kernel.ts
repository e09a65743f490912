/**
 * The few structures from which a kernel's address spaces are found, written into a small memory by hand: init_mm, tasks,
 * pgd_list, struct page. The direct map is arithmetic, so that the tables under test need not map it.
 */
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import type { PagingMode } from '../../debug-adapter/arch/paging-mode.ts';
import type { ArchitectureName, CpuState, MachineHint } from '../../debug-adapter/image/image.ts';
import { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { frameSize, missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { CombinedSymbols } from '../../debug-adapter/symbols/combined-symbols.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';
import type { Member, StructType, Type, TypeTable } from '../../debug-adapter/symbols/types.ts';
import { Vmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';
import { dataSymbols, typeTable } from './kernel-symbols.ts';
import { directMapOf, memoryImage } from './memory-image.ts';

/** Sparse memory; what was never written is not there. */
export class SparseMemory implements PhysicalMemory {
  readonly ranges = [{ start: 0, end: 0x1_0000_0000 }];
  readonly #frames = new Map<number, Uint8Array>();

  clear(address: number, length: number): void {
    for (let frame = Math.floor(address / frameSize); frame * frameSize < address + length; frame++) {
      if (!this.#frames.has(frame)) this.#frames.set(frame, new Uint8Array(frameSize));
    }
  }

  remove(address: number): void {
    this.#frames.delete(Math.floor(address / frameSize));
  }

  write(address: number, value: bigint, size: number): void {
    const bytes = this.#frames.get(Math.floor(address / frameSize));
    if (bytes === undefined) throw new Error(`no memory at ${address.toString(16)}`);
    for (let index = 0; index < size; index++) bytes[(address % frameSize) + index] = Number((value >> BigInt(8 * index)) & 0xffn);
  }

  frame(frameNumber: number): Uint8Array | undefined {
    return this.#frames.get(frameNumber);
  }

  partialFrame(): ReturnType<PhysicalMemory['partialFrame']> {
    return missingFrame({ kind: 'not-ram', message: 'no RAM in this test' });
  }
}

export interface SmallKernelOptions {
  readonly architecture: ArchitectureName;
  readonly mode: PagingMode;
  /** Where the direct map of physical address 0 begins. */
  readonly pageOffset: bigint;
  readonly pti?: boolean;
  /** Symbols of functions that must only exist. */
  readonly functions?: readonly string[];
  /** Lines of VMCOREINFO. */
  readonly vmcoreinfo?: readonly string[];
  readonly cpus?: readonly CpuState[];
  readonly withoutTypes?: boolean;
}

interface Offsets {
  readonly size: number;
  readonly members: Readonly<Record<string, readonly [offset: number, size: number]>>;
}

const pageStructSize = 64;
const memoryMapAt = 0x10_0000;

export class SmallKernel {
  readonly ram = new SparseMemory();
  readonly options: SmallKernelOptions;
  readonly initMm: number;
  readonly #pointer: 4 | 8;
  readonly #symbols = new Map<string, bigint>();
  readonly #layouts: Readonly<Record<string, Offsets>>;
  #next = 0x1000;
  #nextTable = 0x40_0000;
  #lastTask: number;
  #lastPgd: number;

  constructor(options: SmallKernelOptions) {
    this.options = options;
    this.#pointer = options.mode.addressBits === 32 ? 4 : 8;
    const word = this.#pointer;
    this.#layouts = {
      list_head: { size: 2 * word, members: { next: [0, word], prev: [word, word] } },
      mm_struct: { size: 64, members: { pgd: [16, word], ldt: [24, word], vmalloc_seq: [32, 4] } },
      task_struct: {
        size: 128,
        members: {
          tasks: [0, 2 * word],
          pid: [24, 4],
          tgid: [28, 4],
          comm: [32, 16],
          mm: [48, word],
          active_mm: [56, word],
          stack: [64, word],
        },
      },
      page: { size: pageStructSize, members: { lru: [word, 2 * word], pt_mm: [4 * word, word] } },
    };
    this.initMm = this.variable('init_mm', 64);
    const initTask = this.variable('init_task', 128);
    this.#lastTask = initTask;
    this.#link(initTask, initTask);
    this.#lastPgd = this.variable('pgd_list', 2 * word);
    this.#link(this.#lastPgd, this.#lastPgd);
    const memoryMap = this.variable('mem_map', word);
    this.word(memoryMap, this.virtual(memoryMapAt));
    const cpu = this.variable('boot_cpu_data', 128);
    this.ram.write(cpu + 4 * 7, options.pti === true ? 1n << 11n : 0n, 4);
    for (const name of options.functions ?? []) this.#symbols.set(name, this.virtual(0x10));
  }

  virtual(physical: number): bigint {
    return this.options.pageOffset + BigInt(physical);
  }

  word(at: number, value: bigint): void {
    this.ram.write(at, value, this.#pointer);
  }

  /** Memory for a variable; its physical address. */
  variable(name: string, size: number): number {
    const at = this.#allocate(size);
    this.#symbols.set(name, this.virtual(at));
    return at;
  }

  /** An empty table of `size` bytes, aligned to `align`. */
  table(size = frameSize, align = size): number {
    const at = Math.ceil(this.#nextTable / align) * align;
    this.#nextTable = at + size;
    this.ram.clear(at, size);
    return at;
  }

  /** Writes the entry at `index` of a table whose entries have `size` bytes. */
  entry(table: number, index: number, value: bigint, size: 4 | 8): void {
    this.ram.write(table + index * size, value, size);
  }

  /** Points init_mm to its root. */
  initRoot(root: number): void {
    this.member(this.initMm, 'mm_struct', 'pgd', this.virtual(root));
  }

  /** An mm_struct; its physical address. */
  mm(root: number): number {
    const mm = this.#allocate(64);
    this.member(mm, 'mm_struct', 'pgd', this.virtual(root));
    return mm;
  }

  /** A task on the list; `mm` is undefined for kernel threads. */
  task(pid: number, comm: string, mm: number | undefined, more: { readonly tgid?: number; readonly activeMm?: number } = {}): void {
    const task = this.#allocate(128);
    this.member(task, 'task_struct', 'pid', BigInt(pid));
    this.member(task, 'task_struct', 'tgid', BigInt(more.tgid ?? pid));
    for (let index = 0; index < comm.length; index++) this.ram.write(task + 32 + index, BigInt(comm.charCodeAt(index)), 1);
    if (mm !== undefined) this.member(task, 'task_struct', 'mm', this.virtual(mm));
    if (more.activeMm !== undefined) this.member(task, 'task_struct', 'active_mm', this.virtual(more.activeMm));
    this.#link(this.#lastTask, task);
    this.#link(task, Number(this.#symbol('init_task') - this.options.pageOffset));
    this.#lastTask = task;
  }

  /** Puts a root's struct page on pgd_list. Returns the physical address of its list_head. */
  onPgdList(root: number, mm: number): number {
    const page = memoryMapAt + (root / frameSize) * pageStructSize;
    this.ram.clear(page, pageStructSize);
    this.member(page, 'page', 'pt_mm', this.virtual(mm));
    const node = page + this.#pointer;
    this.#link(this.#lastPgd, node);
    this.#link(node, Number(this.#symbol('pgd_list') - this.options.pageOffset));
    this.#lastPgd = node;
    return node;
  }

  member(at: number, struct: string, name: string, value: bigint): void {
    const place = this.#layouts[struct]?.members[name];
    if (place === undefined) throw new Error(`${struct} has no ${name}`);
    this.ram.write(at + place[0], value, place[1]);
  }

  open(): Kernel {
    const { architecture, mode, pageOffset, vmcoreinfo, cpus = [] } = this.options;
    const machine: MachineHint = { architecture, littleEndian: true, pointerSize: this.#pointer };
    const image = memoryImage('small kernel', machine, this.ram, cpus);
    const memory = directMapOf(this.ram, machine, { start: pageOffset, pages: 0x1_0000 });
    const root = this.ram.frame(Math.floor(this.initMm / frameSize));
    if (root === undefined) throw new Error('init_mm has no memory');
    const view = new DataView(root.buffer, root.byteOffset);
    const at = (this.initMm % frameSize) + 16;
    const pgd = this.#pointer === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
    return new Kernel({
      image,
      machine,
      vmcoreinfo: vmcoreinfo === undefined ? undefined : new Vmcoreinfo(`${vmcoreinfo.join('\n')}\n`, 'test'),
      root: {
        mode,
        pageTable: new PageTable(this.ram, mode, toPhysAddr(pgd - pageOffset)),
        findings: [],
        warnings: [],
      },
      memory,
      sources: {
        openSymbols: () => new CombinedSymbols(new SymbolList('test', dataSymbols(this.#symbols))),
        openTypes: () => (this.options.withoutTypes === true ? undefined : this.#types()),
      },
    });
  }

  #allocate(size: number): number {
    const at = this.#next;
    this.#next += Math.ceil(size / 64) * 64;
    this.ram.clear(at, size);
    return at;
  }

  #link(from: number, to: number): void {
    this.word(from, this.virtual(to));
  }

  #symbol(name: string): Address {
    return toAddress(this.#symbols.get(name) ?? 0n);
  }

  #types(): TypeTable {
    const word = this.#pointer;
    const integer = (size: number): Type => ({ kind: 'integer', name: `u${size * 8}`, size, signed: false, encoding: 'number' });
    const member = (name: string, offset: number, type: Type): Member => ({ name, type, bitOffset: offset * 8, bitSize: undefined });
    const structs = new Map<string, StructType>();
    const listHead: StructType = { kind: 'struct', name: 'list_head', size: 2 * word, members: [member('next', 0, integer(word))] };
    for (const [name, { size, members }] of Object.entries(this.#layouts)) {
      const plain = Object.entries(members).filter(([one]) => one !== 'ldt' && one !== 'vmalloc_seq');
      const found = plain.map(([one, [offset, bytes]]) => {
        if (bytes === 2 * word && (one === 'tasks' || one === 'lru')) return member(one, offset, listHead);
        if (one === 'comm') return member(one, offset, { kind: 'array', element: integer(1), count: bytes });
        return member(one, offset, integer(bytes));
      });
      if (name === 'mm_struct') {
        const context: StructType = {
          kind: 'struct',
          name: 'mm_context_t',
          size: 16,
          members: [member('ldt', 0, integer(word)), member('vmalloc_seq', 8, integer(4))],
        };
        found.push(member('context', 24, context));
      }
      structs.set(name, { kind: 'struct', name, size, members: found });
    }
    structs.set('cpuinfo_x86', {
      kind: 'struct',
      name: 'cpuinfo_x86',
      size: 128,
      members: [member('x86_capability', 0, { kind: 'array', element: integer(4), count: 24 })],
    });
    return typeTable({ pointerSize: word, struct: (name) => structs.get(name) });
  }
}

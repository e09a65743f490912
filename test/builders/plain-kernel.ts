/**
 * A kernel made of what a test writes: memory, symbols, struct layouts. Everything is mapped by one subtraction, so that a test
 * says where things are in the addresses that the kernel itself would use.
 */
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { ArchitectureName, CpuState } from '../../debug-adapter/image/image.ts';
import { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { CombinedSymbols } from '../../debug-adapter/symbols/combined-symbols.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';
import type { Member, StructType, Type } from '../../debug-adapter/symbols/types.ts';
import { Vmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';
import { typeTable } from './kernel-symbols.ts';
import { SparseMemory } from './small-kernel.ts';
import { directMapOf, memoryImage } from './memory-image.ts';

/** Bytes, or a struct, at an offset; with a count an array of them. */
export type MemberPlace =
  readonly [offset: number, size: number, count?: number] | readonly [offset: number, struct: string, count?: number];

export interface PlainKernelOptions {
  readonly architecture: ArchitectureName;
  /** Virtual address of physical address 0. */
  readonly base: bigint;
  readonly vmcoreinfo?: readonly string[];
  readonly cpus?: readonly CpuState[];
  readonly withoutTypes?: boolean;
  /** Memory that makes its own frames, say. */
  readonly ram?: SparseMemory;
}

export class PlainKernel {
  readonly ram: SparseMemory;
  readonly #options: PlainKernelOptions;
  readonly #symbols: { readonly name: string; readonly address: bigint; readonly size: number; readonly type: string }[] = [];
  readonly #structs = new Map<string, StructType>();

  constructor(options: PlainKernelOptions) {
    this.#options = options;
    this.ram = options.ram ?? new SparseMemory();
  }

  /** Makes `length` bytes readable, zero where nothing is written. */
  room(address: bigint, length: number): this {
    this.ram.clear(Number(address - this.#options.base), length);
    return this;
  }

  write(address: bigint, value: bigint | number, size = 8): this {
    this.ram.write(Number(address - this.#options.base), BigInt.asUintN(size * 8, BigInt(value)), size);
    return this;
  }

  words(address: bigint, values: readonly (bigint | number)[]): this {
    values.forEach((value, index) => this.write(address + BigInt(index * 8), value));
    return this;
  }

  text(address: bigint, text: string): this {
    for (let index = 0; index < text.length; index++) this.write(address + BigInt(index), text.charCodeAt(index), 1);
    return this;
  }

  /** Takes the 4 KiB around an address away. */
  remove(address: bigint): this {
    this.ram.remove(Number(address - this.#options.base));
    return this;
  }

  symbol(name: string, address: bigint, size = 0, type = 'D'): this {
    this.#symbols.push({ name, address, size, type });
    return this;
  }

  struct(name: string, size: number, members: Readonly<Record<string, MemberPlace>>): this {
    const found = Object.entries(members).map(([member, place]): Member => {
      const [offset] = place;
      return { name: member, bitOffset: offset * 8, bitSize: undefined, type: this.#typeOf(place) };
    });
    this.#structs.set(name, { kind: 'struct', name, size, members: found });
    return this;
  }

  /** A bit-field of the last struct of that name. */
  bits(struct: string, name: string, bitOffset: number, bitSize: number): this {
    const known = this.#structs.get(struct);
    if (known === undefined) throw new Error(`no struct ${struct}`);
    const type: Type = { kind: 'integer', name: 'unsigned int', size: 4, signed: false, encoding: 'number' };
    this.#structs.set(struct, { ...known, members: [...known.members, { name, bitOffset, bitSize, type }] });
    return this;
  }

  #typeOf(place: MemberPlace): Type {
    const element = this.#elementOf(place[1]);
    return place[2] === undefined ? element : { kind: 'array', element, count: place[2] };
  }

  #elementOf(what: number | string): Type {
    if (typeof what === 'number') return { kind: 'integer', name: `u${what * 8}`, size: what, signed: false, encoding: 'number' };
    const struct = this.#structs.get(what);
    if (struct === undefined) throw new Error(`no struct ${what}`);
    return struct;
  }

  open(): Kernel {
    const { architecture, base, vmcoreinfo, cpus = [], withoutTypes } = this.#options;
    const machine = { architecture, littleEndian: true, pointerSize: 8 } as const;
    const image = memoryImage('plain kernel', machine, this.ram, cpus);
    const memory = directMapOf(this.ram, machine, { start: base, pages: 0x10_0000 });
    const mode = x8664Mode({ levels: 4, encryptionMask: 0n });
    const symbols = this.#symbols.map((symbol) => ({ ...symbol, address: toAddress(symbol.address), module: undefined }));
    return new Kernel({
      image,
      machine,
      vmcoreinfo: vmcoreinfo === undefined ? undefined : new Vmcoreinfo(`${vmcoreinfo.join('\n')}\n`, 'test'),
      root: { mode, pageTable: new PageTable(this.ram, mode, toPhysAddr(0)), findings: [], warnings: [] },
      memory,
      sources: {
        openSymbols: () => new CombinedSymbols(new SymbolList('test', symbols)),
        openTypes: () => (withoutTypes === true ? undefined : typeTable({ struct: (name) => this.#structs.get(name) })),
      },
    });
  }
}

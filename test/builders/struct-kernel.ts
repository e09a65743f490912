/**
 * A kernel of a few structures that a test lays out itself: members by name, memory by address, symbols by name. Kernel
 * addresses are physical ones plus a constant; nothing is shared with the decoders under test.
 */
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { CombinedSymbols } from '../../debug-adapter/symbols/combined-symbols.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';
import type { Member, StructType, Type, TypeTable } from '../../debug-adapter/symbols/types.ts';
import { dataSymbols, typeTable } from './kernel-symbols.ts';
import { SparseMemory } from './small-kernel.ts';
import { directMapOf, memoryImage } from './memory-image.ts';

/** Bytes of an integer, the name of a struct, or an array of integers. */
type Shape = number | string | { readonly count: number; readonly size: number };
export type Layouts = Readonly<
  Record<string, { readonly size: number; readonly members: Readonly<Record<string, readonly [number, Shape]>> }>
>;

const pageOffset = 0xffff_8880_0000_0000n;

export class StructKernel {
  readonly ram = new SparseMemory();
  readonly #layouts: Layouts;
  readonly #enumerators: Readonly<Record<string, bigint>>;
  readonly #enums: Readonly<Record<string, readonly string[]>>;
  readonly #symbols = new Map<string, bigint>();
  #next = 0x1_0000;

  /** `enums`: the enumerators that each enum has. */
  constructor(
    layouts: Layouts,
    enumerators: Readonly<Record<string, bigint>> = {},
    enums: Readonly<Record<string, readonly string[]>> = {},
  ) {
    this.#layouts = layouts;
    this.#enumerators = enumerators;
    this.#enums = enums;
  }

  /** Zeroed memory; its kernel address. */
  allocate(size: number, align = 16): Address {
    this.#next = Math.ceil(this.#next / align) * align;
    const at = this.#next;
    this.#next += size;
    this.ram.clear(at, size);
    return toAddress(pageOffset + BigInt(at));
  }

  /** An object with these members set. */
  make(struct: string, members: Readonly<Record<string, bigint | number>> = {}, align = 16): Address {
    const at = this.allocate(this.#layouts[struct]?.size ?? 0, align);
    for (const [path, value] of Object.entries(members)) this.set(at, struct, path, value);
    return at;
  }

  /** Sets `a`, `a.b` or `a[2]` of an object. */
  set(at: Address, struct: string, path: string, value: bigint | number): void {
    const place = this.#place(struct, path);
    this.write(toAddress(at + BigInt(place.offset)), BigInt.asUintN(place.size * 8, BigInt(value)), place.size);
  }

  offset(struct: string, path: string): number {
    return this.#place(struct, path).offset;
  }

  write(at: Address, value: bigint, size: number): void {
    this.ram.write(Number(at - pageOffset), value, size);
  }

  text(text: string): Address {
    const bytes = new TextEncoder().encode(text);
    const at = this.allocate(bytes.length + 1, 1);
    bytes.forEach((byte, index) => {
      this.write(toAddress(at + BigInt(index)), BigInt(byte), 1);
    });
    return at;
  }

  symbol(name: string, address: bigint): void {
    this.#symbols.set(name, address);
  }

  physical(at: Address): number {
    return Number(at - pageOffset);
  }

  open(): Kernel {
    const machine = { architecture: 'x86-64', littleEndian: true, pointerSize: 8 } as const;
    const image = memoryImage('struct kernel', machine, this.ram);
    const memory = directMapOf(this.ram, machine, { start: pageOffset, pages: 0x10_0000 });
    const mode = x8664Mode({ levels: 4, encryptionMask: 0n });
    return new Kernel({
      image,
      machine,
      vmcoreinfo: undefined,
      root: { mode, pageTable: new PageTable(this.ram, mode, toPhysAddr(0)), findings: [], warnings: [] },
      memory,
      sources: {
        openSymbols: () => new CombinedSymbols(new SymbolList('test', dataSymbols(this.#symbols))),
        openTypes: () => this.#types(),
      },
    });
  }

  #place(struct: string, path: string): { offset: number; size: number } {
    let offset = 0;
    let shape: Shape = struct;
    for (const part of path.replace(/\[(\d+)\]/g, '.$1').split('.')) {
      if (typeof shape === 'object') {
        offset += Number(part) * shape.size;
        shape = shape.size;
        continue;
      }
      const member: readonly [number, Shape] | undefined = typeof shape === 'string' ? this.#layouts[shape]?.members[part] : undefined;
      if (member === undefined) throw new Error(`no ${part} in ${String(shape)}`);
      offset += member[0];
      shape = member[1];
    }
    if (typeof shape === 'number') return { offset, size: shape };
    return { offset, size: typeof shape === 'string' ? (this.#layouts[shape]?.size ?? 0) : shape.size };
  }

  #types(): TypeTable {
    const integer = (size: number, signed = false): Type => ({ kind: 'integer', name: `u${size * 8}`, size, signed, encoding: 'number' });
    const typeOf = (shape: Shape): Type => {
      if (typeof shape === 'number') return integer(Math.abs(shape), shape < 0);
      if (typeof shape === 'string') return structOf(shape);
      return { kind: 'array', element: integer(shape.size), count: shape.count };
    };
    const structOf = (name: string): StructType => ({
      kind: 'struct',
      name,
      size: this.#layouts[name]?.size ?? 0,
      members: Object.entries(this.#layouts[name]?.members ?? {}).map(([one, [offset, shape]]): Member => ({
        name: one,
        type: typeOf(shape),
        bitOffset: offset * 8,
        bitSize: undefined,
      })),
    });
    return typeTable({
      struct: (name) => (name in this.#layouts ? structOf(name) : undefined),
      enum: (name) => {
        const enumerators = this.#enums[name]?.map((one) => ({ name: one, value: this.#enumerators[one] ?? 0n }));
        return enumerators === undefined ? undefined : { kind: 'enum', name, size: 4, signed: false, enumerators };
      },
      enumerator: (name) => this.#enumerators[name],
    });
  }
}

/**
 * RAM with struct pages that are written by hand, for kernels of any numbering, width, byte order and memory model. What is
 * known of the kernel is VMCOREINFO's lines, or enumerators and a layout in place of them. A page holds data unless it is said
 * to be zero.
 */
import assert from 'node:assert/strict';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { countPages } from '../../debug-adapter/kernel/pages/page-categories.ts';
import { AddressSpace } from '../../debug-adapter/memory/address-space.ts';
import type { HoleReason } from '../../debug-adapter/memory/hole.ts';
import { frameSize, missingFrame } from '../../debug-adapter/memory/physical-memory.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { CombinedSymbols } from '../../debug-adapter/symbols/combined-symbols.ts';
import { SymbolList } from '../../debug-adapter/symbols/symbol-list.ts';
import type { EnumType, StructType, Type, TypeTable } from '../../debug-adapter/symbols/types.ts';
import { Vmcoreinfo } from '../../debug-adapter/symbols/vmcoreinfo.ts';

export const directMap = 0xffff_8880_0000_0000n;

/** What a struct page holds; what is left out is 0, but _mapcount is -1. */
export interface PageFields {
  readonly flags?: bigint;
  readonly mapping?: bigint;
  readonly mapcount?: number;
  readonly private?: bigint;
  /** The head's struct page, plus 1. */
  readonly compoundHead?: bigint;
}

/** Offsets in struct page, and its size: those of 64-bit kernels since 4.18, and of 32-bit ones. */
export const pageLayouts = {
  8: { size: 64, flags: 0, compound_head: 8, mapping: 24, private: 40, _mapcount: 48 },
  4: { size: 32, flags: 0, compound_head: 4, mapping: 12, private: 20, _mapcount: 24 },
} as const;

export interface PageMemoryOptions {
  /** RAM, in pages: ascending. */
  readonly ram: readonly (readonly [start: number, end: number])[];
  readonly word?: 4 | 8;
  readonly littleEndian?: boolean;
  /** Of an image that tells its dump level. */
  readonly dumpLevel?: number;
  readonly format?: string;
}

export class PageMemory implements PhysicalMemory {
  readonly ranges: readonly { start: number; end: number }[];
  readonly word: 4 | 8;
  readonly #littleEndian: boolean;
  readonly #options: PageMemoryOptions;
  readonly #frames = new Map<number, Uint8Array>();
  readonly #gone = new Map<number, HoleReason>();
  readonly #maps: { virtual: bigint; physical: number; size: number }[] = [];
  readonly #data = new Uint8Array(frameSize).fill(0x5a);

  constructor(options: PageMemoryOptions) {
    this.#options = options;
    this.word = options.word ?? 8;
    this.#littleEndian = options.littleEndian ?? true;
    this.ranges = options.ram.map(([start, end]) => ({ start: start * frameSize, end: end * frameSize }));
  }

  get layout(): (typeof pageLayouts)[4 | 8] {
    return pageLayouts[this.word];
  }

  frame(frameNumber: number): Uint8Array | undefined {
    if (this.#gone.has(frameNumber) || !this.#isRam(frameNumber)) return undefined;
    return this.#frames.get(frameNumber) ?? this.#data;
  }

  partialFrame(frameNumber: number): ReturnType<PhysicalMemory['partialFrame']> {
    return missingFrame(this.#gone.get(frameNumber) ?? { kind: 'not-ram', message: 'no RAM in this test' });
  }

  #isRam(frame: number): boolean {
    return this.#options.ram.some(([start, end]) => frame >= start && frame < end);
  }

  /** Maps `size` bytes at `virtual` to physical memory. */
  map(virtual: bigint, physical: number, size: number): void {
    this.#maps.push({ virtual, physical, size });
  }

  zero(frame: number): void {
    this.#frames.set(frame, new Uint8Array(frameSize));
  }

  remove(frame: number, reason: HoleReason = { kind: 'excluded', message: 'left out' }): void {
    this.#gone.set(frame, reason);
  }

  write(physical: number, value: bigint, size: number): void {
    const frame = Math.floor(physical / frameSize);
    const bytes = this.#frames.get(frame) ?? this.#data.slice();
    this.#frames.set(frame, bytes);
    const view = new DataView(bytes.buffer);
    const at = physical % frameSize;
    if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, value), this.#littleEndian);
    else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), this.#littleEndian);
    else bytes[at] = Number(value);
  }

  /** Empty struct pages for `count` frames at a physical address. */
  clearPages(physical: number, count: number): void {
    for (let index = 0; index < count; index++) this.page(physical + index * this.layout.size, {});
  }

  /** Writes a struct page at a physical address. */
  page(physical: number, fields: PageFields): void {
    const { layout, word } = this;
    for (let at = 0; at < layout.size; at += 4) this.write(physical + at, 0n, 4);
    this.write(physical + layout.flags, fields.flags ?? 0n, word);
    this.write(physical + layout.mapping, fields.mapping ?? 0n, word);
    this.write(physical + layout.private, fields.private ?? 0n, word);
    this.write(physical + layout.compound_head, fields.compoundHead ?? 0n, word);
    this.write(physical + layout._mapcount, BigInt(fields.mapcount ?? -1), 4);
  }

  /** The kernel that VMCOREINFO's lines, symbols and types tell of. */
  open(known: {
    readonly vmcoreinfo?: readonly string[];
    readonly symbols?: Readonly<Record<string, bigint>>;
    readonly types?: TypeTable;
  }): Kernel {
    const { littleEndian, word } = { littleEndian: this.#littleEndian, word: this.word };
    const machine = { architecture: word === 8 ? 'riscv64' : 'x86-32', littleEndian, pointerSize: word } as const;
    const image: Image = {
      name: 'pages',
      format: this.#options.format ?? 'test',
      compression: [],
      machine,
      memory: this,
      vmcoreinfo: undefined,
      cpus: [],
      virtualSegments: [],
      headerFacts: [],
      dumpLevel: this.#options.dumpLevel,
      warnings: [],
      eraseInfo: undefined,
      close: () => undefined,
    };
    const frameOf = (page: number): number => {
      const at = BigInt(page) << 12n;
      const found = this.#maps.find(({ virtual, size }) => at >= virtual && at < virtual + BigInt(size));
      return found === undefined ? -1 : (found.physical + Number(at - found.virtual)) / frameSize;
    };
    const translator = { frameOf, explain: () => ({ kind: 'not-mapped', message: 'not mapped' }) as const, untag: toAddress };
    const mode = x8664Mode({ levels: 4, encryptionMask: 0n });
    const symbols = Object.entries(known.symbols ?? {}).map(([name, address]) => ({
      name,
      address: toAddress(address),
      type: 'D',
      size: 8,
      module: undefined,
    }));
    return new Kernel({
      image,
      machine,
      vmcoreinfo: known.vmcoreinfo === undefined ? undefined : new Vmcoreinfo(`${known.vmcoreinfo.join('\n')}\n`, 'test'),
      root: { mode, pageTable: new PageTable(this, mode, toPhysAddr(0)), findings: [], warnings: [] },
      memory: new AddressSpace(this, translator, { littleEndian, pointerSize: word }),
      sources: { openSymbols: () => new CombinedSymbols(new SymbolList('test', symbols)), openTypes: () => known.types },
    });
  }
}

/** VMCOREINFO's lines of struct page. */
export function pageLines(word: 4 | 8): string[] {
  const { size, ...offsets } = pageLayouts[word];
  return [
    `PAGESIZE=${frameSize}`,
    `SIZE(page)=${size}`,
    ...Object.entries(offsets).map(([member, offset]) => `OFFSET(page.${member})=${offset}`),
  ];
}

/** Type information of struct page and of enums, as a kernel without VMCOREINFO has it. */
export function pageTypes(enums: Readonly<Record<string, Readonly<Record<string, number>>>>): TypeTable {
  const { size, ...offsets } = pageLayouts[8];
  const integer = (bytes: number): Type => ({ kind: 'integer', name: 'u', size: bytes, signed: false, encoding: 'number' });
  const page: StructType = {
    kind: 'struct',
    name: 'page',
    size,
    members: Object.entries(offsets).map(([name, offset]) => ({
      name,
      type: integer(name === '_mapcount' ? 4 : 8),
      bitOffset: offset * 8,
      bitSize: undefined,
    })),
  };
  const found = new Map(
    Object.entries(enums).map(([name, values]): [string, EnumType] => [
      name,
      {
        kind: 'enum',
        name,
        size: 4,
        signed: false,
        enumerators: Object.entries(values).map(([one, value]) => ({ name: one, value: BigInt(value) })),
      },
    ]),
  );
  return {
    source: 'test',
    pointerSize: 8,
    struct: (name) => (name === 'page' ? page : undefined),
    enum: (name) => found.get(name),
    typedef: () => undefined,
    enumerator: (name) => [...found.values()].flatMap(({ enumerators }) => enumerators).find((one) => one.name === name)?.value,
    variable: () => undefined,
    parse: () => undefined,
    withPrefix: () => [],
  };
}

/** VMCOREINFO's numbers of 6.12. */
export const lines612 = [
  'NUMBER(PG_lru)=5',
  'NUMBER(PG_private)=14',
  'NUMBER(PG_swapcache)=10',
  'NUMBER(PG_swapbacked)=17',
  'NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376',
  'NUMBER(PG_hwpoison)=20',
  'NUMBER(PG_head_mask)=64',
  'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456',
  'NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592',
  'NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-251658240',
  'LENGTH(zone.free_area)=11',
];

/** Categories that are not 0, without the rest of RAM, which is kernel data. */
export function counted(kernel: Kernel): Record<string, number> {
  const { categories, total } = countPages(kernel, {});
  assert.equal(
    Object.values(categories).reduce((sum, pages) => sum + pages, 0),
    total,
  );
  return Object.fromEntries(Object.entries(categories).filter(([name, pages]) => pages > 0 && name !== 'kernel'));
}

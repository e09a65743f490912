/**
 * Sections of sparse memory (include/linux/mmzone.h, mm/sparse.c): mem_section is an array of sections, or of pages of them
 * (CONFIG_SPARSEMEM_EXTREME). Each tells where its struct pages lie.
 */
import { limits } from '../../base/limits.ts';
import { addToAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import type { NumberRange } from '../../base/range.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { memberOffset, structSize } from '../known-layout.ts';

/** Where struct pages lie under CONFIG_SPARSEMEM without a virtual memory map. */
export interface MemorySections {
  /** Frames [start, end) whose struct pages lie in a row from `base` on; ascending, joined where struct pages go on. */
  readonly pieces: readonly (NumberRange & { readonly base: Address })[];
  /** Where frame 0 would have its struct page, when that is the same for all sections. */
  readonly sameBase: Address | undefined;
}

/** SECTION_MARKED_PRESENT and SECTION_HAS_MEM_MAP. */
const present = 3n;
/** Bits of section_mem_map below the address: five or fewer are flags, and the address is aligned to more. */
const flagsMask = 0x3fn;

/**
 * SECTION_SIZE_BITS (asm/sparsemem.h) of kernels before 5.12, whose VMCOREINFO does not tell it. It matters only without a
 * virtual memory map: with one, every section tells the same base.
 */
function usualSectionBits(kernel: Kernel): number {
  switch (kernel.machine.architecture) {
    case 'x86-32':
      return kernel.root.mode.levels.length > 2 ? 29 : 26;
    case 's390x':
    case 'arm':
    case 'mips64':
    case 'mips32':
      return 28;
    case 'ppc64':
    case 'ppc64le':
    case 'ppc32':
      return 24;
    case 'arm64':
    case 'sparc64':
      return 30;
    case 'loongarch64':
      return 29;
    default:
      return 27;
  }
}

/** The sections that RAM lies in; undefined where mem_section cannot be read or makes no sense. */
export function memorySections(kernel: Kernel, of: { symbol: Address; pageStructSize: number }): MemorySections | undefined {
  const size = structSize(kernel, 'mem_section');
  const mapOffset = memberOffset(kernel, 'mem_section', 'section_mem_map');
  if (size === undefined || size < kernel.memory.pointerSize || size > kernel.pageSize || mapOffset === undefined) return undefined;
  const framesPerSection = 2 ** Number(kernel.vmcoreinfo?.number('SECTION_SIZE_BITS') ?? usualSectionBits(kernel)) / kernel.pageSize;
  if (!Number.isInteger(framesPerSection)) return undefined;
  const perRoot = Math.floor(kernel.pageSize / size);
  const shape = { size, mapOffset, framesPerSection, perRoot, pageStructSize: of.pageStructSize };
  for (const find of candidates(kernel, of.symbol, { size, perRoot })) {
    const found = readSections(kernel, find, shape);
    if (found !== undefined) return found;
  }
  return undefined;
}

type SectionFinder = (number: number) => Address | undefined;

/**
 * Ways to find a section. VMCOREINFO's SYMBOL(mem_section) is the array itself, while the symbol of that name is the array
 * or, since 4.15 with CONFIG_SPARSEMEM_EXTREME, a pointer to it.
 */
function* candidates(kernel: Kernel, symbol: Address, shape: { size: number; perRoot: number }): Generator<SectionFinder> {
  const { memory } = kernel;
  const { size, perRoot } = shape;
  const rooted = (array: Address): SectionFinder => {
    const roots = new Map<number, Address>();
    return (number) => {
      const index = Math.floor(number / perRoot);
      let root = roots.get(index);
      if (root === undefined) {
        root = memory.pointer(addToAddress(array, index * memory.pointerSize));
        roots.set(index, root);
      }
      return root === 0n ? undefined : addToAddress(root, (number % perRoot) * size);
    };
  };
  const flat: SectionFinder = (number) => addToAddress(symbol, number * size);
  const length = kernel.vmcoreinfo?.length('mem_section');
  const bits = kernel.vmcoreinfo?.number('MAX_PHYSMEM_BITS');
  const sectionBits = kernel.vmcoreinfo?.number('SECTION_SIZE_BITS');
  const sections = bits === undefined || sectionBits === undefined ? undefined : 2 ** Number(bits - sectionBits);
  // The length tells which it is: one element a section, or one a page of them.
  if (sections === undefined || length !== sections) {
    yield rooted(symbol);
    const pointed = optionalRead(() => memory.pointer(symbol)) ?? 0n;
    if (pointed !== 0n) yield rooted(toAddress(pointed));
  }
  yield flat;
}

interface SectionShape {
  readonly mapOffset: number;
  readonly framesPerSection: number;
  readonly pageStructSize: number;
}

function readSections(kernel: Kernel, find: SectionFinder, shape: SectionShape): MemorySections | undefined {
  const { framesPerSection, pageStructSize } = shape;
  const pieces: { start: number; end: number; base: Address }[] = [];
  const bases = new Set<bigint>();
  let looked = 0;
  let next = 0;
  let mapped = 0;
  let unmapped = 0;
  for (const range of kernel.physical.ranges) {
    const first = Math.floor(range.start / kernel.pageSize / framesPerSection);
    const last = Math.ceil(range.end / kernel.pageSize / framesPerSection);
    for (let number = Math.max(first, next); number < last && looked < limits.memorySections; number++, looked++) {
      next = number + 1;
      const coded = codedMap(kernel, find, { number, mapOffset: shape.mapOffset });
      if (coded === undefined) continue;
      const start = number * framesPerSection;
      const base = addToAddress(toAddress(coded), start * pageStructSize);
      if (kernel.memory.frameOf(Number(wrap(kernel, base) >> 12n)) < 0) {
        unmapped++;
        continue;
      }
      mapped++;
      bases.add(coded);
      const piece = pieces.at(-1);
      if (piece?.end === start && base === addToAddress(piece.base, (start - piece.start) * pageStructSize)) piece.end += framesPerSection;
      else pieces.push({ start, end: start + framesPerSection, base: wrap(kernel, base) });
    }
  }
  if (looked >= limits.memorySections)
    kernel.warn(`RAM has more than ${limits.memorySections} sections of memory; struct pages of the others are not found`);
  // What is no array of sections leads to addresses that nothing maps.
  if (mapped <= unmapped) return undefined;
  const [only] = bases;
  return { pieces, sameBase: only === undefined || bases.size > 1 ? undefined : wrap(kernel, toAddress(only)) };
}

/** section_mem_map without its flags: the section's struct pages less its first frame's place (mm/sparse.c:sparse_encode_mem_map). */
function codedMap(kernel: Kernel, find: SectionFinder, of: { number: number; mapOffset: number }): bigint | undefined {
  const word = optionalRead(() => {
    const section = find(of.number);
    return section === undefined ? undefined : kernel.memory.word(addToAddress(section, of.mapOffset));
  });
  return word !== undefined && (word & present) === present ? word & ~flagsMask : undefined;
}

/** Addresses are as wide as the machine's. */
function wrap(kernel: Kernel, address: Address): Address {
  return toAddress(BigInt.asUintN(kernel.memory.pointerSize * 8, address));
}

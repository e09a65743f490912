/**
 * SLUB's slabs (mm/slub.c, mm/slab.h): which cache a slab page serves, where its objects lie, and which of them are free. An
 * object is free when the slab's freelist, that of the CPU that allocates from it, or a CPU's or node's sheaf holds it. Those of
 * kernels with CONFIG_SLAB are read by slab-array.ts.
 */
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { BoundedCache } from '../../base/bounded-cache.ts';
import { MemoryFault } from '../../base/errors.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import { hasSlabArrays, readArraySlab } from './slab-array.ts';
import { cpuSlabs } from './slab-cpu.ts';
import type { CpuSlabs } from './slab-cpu.ts';

const purpose = 'looking at a slab page';

/** A kmem_cache. Sizes and offsets in bytes. */
export interface SlabCache {
  readonly address: Address;
  readonly name: string;
  /** From one object to the next. */
  readonly size: number;
  /** What the user of an object may use. */
  readonly objectSize: number;
  /** Up to here the object itself reaches; behind it lie the free pointer and what debugging adds. */
  readonly inuse: number;
  /** Where a free object holds the pointer to the next. */
  readonly freePointer: number;
  /** Red zone before each object. */
  readonly redLeftPad: number;
  /** Mixed into free pointers with CONFIG_SLAB_FREELIST_HARDENED; undefined without it. */
  readonly random: bigint | undefined;
  /** Whether it is on the kernel's list of caches; undefined where the list cannot be told. */
  readonly listed: boolean | undefined;
}

/** One slab. */
export interface Slab {
  readonly cache: SlabCache;
  /** The struct slab, or struct page before 5.17. */
  readonly address: Address;
  readonly objects: number;
  /** Where its first slot lies: with SLUB the page's address in the direct map. */
  readonly base: Address;
  /** Free objects by index; those that a broken list no longer reaches are not among them. */
  readonly free: ReadonlySet<number>;
  /** What is wrong with its lists of free objects; undefined where they end as they should. */
  readonly problem: string | undefined;
  /** Which list it is on: `allocated from by CPU 1`, `on the partial list of CPU 0`. undefined where on no CPU's. */
  readonly place: string | undefined;
}

/** Where in a slab a byte lies. */
export interface SlabPlace {
  readonly index: number;
  readonly object: Address;
  /** Bytes from the object's start; negative in the red zone before it. */
  readonly offset: number;
  readonly part: 'object' | 'left red zone' | 'padding' | 'metadata';
  readonly allocated: boolean | undefined;
}

const cachedSlabs = 1024;
const cachedCaches = 1024;
/** Objects of one slab, 15 bits (mm/slab.h: MAX_OBJS_PER_PAGE). */
const mostObjects = 32_767;
/** More than any slab cache's objects have; KMALLOC_MAX_SIZE is 32 MiB at most. */
const largestObject = 2 ** 26;

class SlabReader {
  readonly slabs = new BoundedCache<Address, { readonly slab: Slab | undefined }>(cachedSlabs);
  readonly caches = new BoundedCache<Address, { readonly cache: SlabCache | undefined }>(cachedCaches);
}

function openReader(): SlabReader {
  return new SlabReader();
}

/**
 * The slab whose struct page (head) is `head`, its memory at `base`. Undefined where the kernel's allocator is SLOB or the
 * page names no cache. Throws `MemoryFault` when the struct page or its cache is missing.
 */
export function slabOf(kernel: Kernel, head: Address, base: Address): Slab | undefined {
  const { slabs } = kernel.once(openReader);
  let found = slabs.get(head);
  if (found === undefined) {
    found = { slab: readSlab(kernel, head, base) };
    slabs.set(head, found);
  }
  return found.slab;
}

/** A kmem_cache of SLUB; undefined where its numbers cannot be those of one. */
export function slabCacheAt(kernel: Kernel, address: Address): SlabCache | undefined {
  const { caches } = kernel.once(openReader);
  let found = caches.get(address);
  if (found === undefined) {
    found = { cache: readCache(kernel, address) };
    caches.set(address, found);
  }
  return found.cache;
}

function readCache(kernel: Kernel, address: Address): SlabCache | undefined {
  const shape = kernel.structs(purpose).find('kmem_cache');
  // SLOB (up to 6.3) has no caches of its own.
  if (shape === undefined || !['size', 'object_size', 'offset', 'inuse'].every((member) => shape.has(member))) return undefined;
  const number = (path: string): number => (shape.has(path) ? shape.number(address, path) : 0);
  const size = number('size');
  const freePointer = number('offset');
  if (size < 1 || size > largestObject || freePointer < 0 || freePointer >= size) return undefined;
  const text = shape.pointer(address, 'name');
  const listed = kernel.once(listedCaches);
  return {
    address,
    name: optionalRead(() => kernel.memory.cString(text, limits.nameBytes)) ?? 'of an unreadable name',
    size,
    objectSize: number('object_size'),
    inuse: number('inuse'),
    freePointer,
    redLeftPad: number('red_left_pad'),
    random: shape.has('random') ? shape.unsigned(address, 'random') : undefined,
    listed: listed?.has(address),
  };
}

/** Addresses of the caches on slab_caches. */
function listedCaches(kernel: Kernel): ReadonlySet<Address> | undefined {
  const head = kernel.addressOf('slab_caches');
  const shape = kernel.structs(purpose).find('kmem_cache');
  if (head === undefined || shape?.has('list') !== true) return undefined;
  const problems: string[] = [];
  const found = new Set(walkList(kernel.memory, head, shape.offset('list'), (message) => problems.push(message)));
  return problems.length === 0 ? found : undefined;
}

function readSlab(kernel: Kernel, head: Address, base: Address): Slab | undefined {
  const structs = kernel.structs(purpose);
  const shape = structs.find('slab') ?? structs.get('page');
  if (!shape.has('slab_cache') || !shape.has('freelist')) return undefined;
  if (hasSlabArrays(structs.find('kmem_cache'))) return readArraySlab(kernel, head, shape);
  const at = shape.pointer(head, 'slab_cache');
  const cache = at === 0n ? undefined : slabCacheAt(kernel, at);
  if (cache === undefined) return undefined;
  const objects = shape.has('objects') ? Math.min(shape.number(head, 'objects'), mostObjects) : 0;
  const cpus = cpuSlabs(kernel, cache.address);
  const list = new FreeList(kernel, { cache, base, objects });
  list.follow(shape.pointer(head, 'freelist'), 'its freelist');
  const active = cpus.active.get(head);
  if (active !== undefined) list.follow(active.freelist, `the freelist of CPU ${active.cpu}`);
  for (let index = 0; index < objects && cpus.sheaves.size > 0; index++) {
    if (cpus.sheaves.has(addToAddress(base, index * cache.size + cache.redLeftPad))) list.free.add(index);
  }
  return { cache, address: head, objects, base, free: list.free, problem: list.problem ?? cpus.problem, place: placeOf(cpus, head) };
}

function placeOf(cpus: CpuSlabs, slab: Address): string | undefined {
  const active = cpus.active.get(slab);
  if (active !== undefined) return `allocated from by CPU ${active.cpu}`;
  const partial = cpus.partial.get(slab);
  return partial === undefined ? undefined : `on the partial list of CPU ${partial}`;
}

/** Follows the lists of free objects of one slab. */
class FreeList {
  readonly free = new Set<number>();
  problem: string | undefined;
  readonly #kernel: Kernel;
  readonly #of: { readonly cache: SlabCache; readonly base: Address; readonly objects: number };

  constructor(kernel: Kernel, of: { cache: SlabCache; base: Address; objects: number }) {
    this.#kernel = kernel;
    this.#of = of;
  }

  follow(first: Address, which: string): void {
    const { cache } = this.#of;
    const own = new Set<number>();
    let pointer = first;
    try {
      while (pointer !== 0n) {
        const index = this.#indexOf(pointer);
        if (index === undefined) {
          this.#fail(`${which} leads to ${formatAddress(pointer)}, which is no object of the slab`);
          return;
        }
        if (own.has(index)) {
          this.#fail(`${which} comes back to object ${index}`);
          return;
        }
        if (this.free.has(index)) {
          this.#fail(`object ${index} is on two lists of free objects`);
          return;
        }
        own.add(index);
        const at = addToAddress(this.#objectAt(index), cache.freePointer);
        pointer = this.#decode(this.#kernel.memory.word(at), at);
      }
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      this.#fail(`${which} cannot be followed: ${error.message}`);
    } finally {
      for (const index of own) this.free.add(index);
    }
  }

  #fail(message: string): void {
    this.problem ??= message;
  }

  #objectAt(index: number): Address {
    const { cache, base } = this.#of;
    return addToAddress(base, index * cache.size + cache.redLeftPad);
  }

  #indexOf(pointer: Address): number | undefined {
    const { cache, base, objects } = this.#of;
    const offset = Number(BigInt.asIntN(64, untagged(this.#kernel, pointer) - base)) - cache.redLeftPad;
    const index = offset / cache.size;
    return Number.isInteger(index) && index >= 0 && index < objects ? index : undefined;
  }

  /** freelist_ptr_decode(): since 5.7 the place of the pointer is mixed in with its bytes swapped, before as it is. */
  #decode(stored: bigint, at: Address): Address {
    const { random } = this.#of.cache;
    if (random === undefined) return toAddress(stored);
    const { pointerSize } = this.#kernel.memory;
    const swapped = toAddress(stored ^ random ^ byteSwapped(at, pointerSize));
    if (swapped === 0n || this.#indexOf(swapped) !== undefined) return swapped;
    const plain = toAddress(stored ^ random ^ at);
    return plain === 0n || this.#indexOf(plain) !== undefined ? plain : swapped;
  }
}

/** Without KASAN's tag in the top byte (arm64), which pointers to the same object may or may not have. */
function untagged(kernel: Kernel, pointer: Address): Address {
  if (kernel.machine.architecture !== 'arm64' || ((pointer >> 55n) & 1n) === 0n) return pointer;
  return toAddress(pointer | (0xffn << 56n));
}

function byteSwapped(value: bigint, bytes: 4 | 8): bigint {
  let swapped = 0n;
  for (let index = 0; index < bytes; index++) swapped = (swapped << 8n) | ((value >> BigInt(index * 8)) & 0xffn);
  return swapped;
}

/** The object around the byte `offset` behind the slab's base; undefined before the first object and behind the last. */
export function slabPlace(slab: Slab, offset: number): SlabPlace | undefined {
  const { cache, objects, base, free, problem } = slab;
  const index = Math.floor(offset / cache.size);
  if (index < 0 || index >= objects) return undefined;
  const within = offset - index * cache.size - cache.redLeftPad;
  const object = addToAddress(base, index * cache.size + cache.redLeftPad);
  const part =
    within < 0
      ? 'left red zone'
      : within < cache.objectSize
        ? 'object'
        : within < Math.max(cache.inuse, cache.objectSize)
          ? 'padding'
          : 'metadata';
  // Behind a broken link of a freelist nobody knows what is free.
  const allocated = free.has(index) ? false : problem === undefined ? true : undefined;
  return { index, object, offset: within, part, allocated };
}

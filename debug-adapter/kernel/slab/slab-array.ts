/**
 * Slabs of the SLAB allocator (mm/slab.c, CONFIG_SLAB up to 6.7): an array of indexes tells the order in which objects are
 * handed out, and CPUs, nodes and other nodes keep arrays of pointers to free objects (struct array_cache).
 */
import { nodeCount } from '../node-count.ts';
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { BoundedCache } from '../../base/bounded-cache.ts';
import { MemoryFault } from '../../base/errors.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Kernel } from '../kernel.ts';
import { perCpuAddress, possibleCpus } from '../per-cpu.ts';
import type { Slab, SlabCache } from './slab.ts';
import type { StructShape } from '../structs.ts';

const purpose = 'looking at a slab page';
/** Objects of one slab (SLAB_OBJ_MAX_NUM). */
const mostObjects = 65_535;
const largestObject = 2 ** 26;

/** Whether this kernel's caches are those of SLAB. */
export function hasSlabArrays(cache: StructShape | undefined): cache is StructShape {
  return cache !== undefined && ['num', 'size', 'object_size', 'cpu_cache'].every((member) => cache.has(member));
}

/** The slab whose struct page or struct slab is `head`; undefined where its numbers cannot be those of one. Throws `MemoryFault`. */
export function readArraySlab(kernel: Kernel, head: Address, shape: StructShape): Slab | undefined {
  const structs = kernel.structs(purpose);
  const cacheShape = structs.find('kmem_cache');
  if (!hasSlabArrays(cacheShape) || !shape.has('s_mem') || !shape.has('active')) return undefined;
  const at = shape.pointer(head, 'slab_cache');
  const cache = at === 0n ? undefined : cacheAt(kernel, at, cacheShape);
  if (cache === undefined) return undefined;
  const objects = cacheShape.number(at, 'num');
  const base = shape.pointer(head, 's_mem');
  const active = shape.number(head, 'active');
  if (objects < 1 || objects > mostObjects || active < 0) return undefined;
  const free = new Set<number>();
  let problem = active > objects ? `it counts ${active} objects in use of ${objects}` : undefined;
  try {
    const bytes = indexBytes(kernel);
    const indexes = shape.pointer(head, 'freelist');
    for (let place = active; place < objects; place++) {
      const index = Number(kernel.memory.unsigned(addToAddress(indexes, place * bytes), bytes));
      if (index >= objects) problem ??= `its list of free objects names object ${index} of ${objects}`;
      else if (free.has(index)) problem ??= `its list of free objects names object ${index} twice`;
      else free.add(index);
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    problem ??= `its list of free objects cannot be read: ${error.message}`;
  }
  const kept = keptObjects(kernel, at, cacheShape);
  for (let index = 0; index < objects && kept.objects.size > 0; index++) {
    if (kept.objects.has(addToAddress(base, index * cache.size))) free.add(index);
  }
  return { cache, address: head, objects, base, free, problem: problem ?? kept.problem, place: undefined };
}

function cacheAt(kernel: Kernel, address: Address, shape: StructShape): SlabCache | undefined {
  const size = shape.number(address, 'size');
  const objectSize = shape.number(address, 'object_size');
  if (size < 1 || size > largestObject || objectSize > size) return undefined;
  const text = shape.pointer(address, 'name');
  return {
    address,
    name: optionalRead(() => kernel.memory.cString(text, limits.nameBytes)) ?? 'of an unreadable name',
    size,
    objectSize,
    inuse: objectSize,
    freePointer: 0,
    redLeftPad: 0,
    random: undefined,
    listed: undefined,
  };
}

/** sizeof(freelist_idx_t): a byte where a page of the smallest objects has no more of them than a byte can count. */
function indexBytes(kernel: Kernel): 1 | 2 {
  const named = kernel.types?.typedef('freelist_idx_t');
  if (named?.kind === 'integer') return named.size === 1 ? 1 : 2;
  return kernel.pageSize / 256 <= 16 ? 1 : 2;
}

interface KeptObjects {
  readonly objects: ReadonlySet<Address>;
  readonly problem: string | undefined;
}

/** Free objects that are kept apart from their slabs: by CPUs, shared by those of a node, and of other nodes. */
function keptObjects(kernel: Kernel, cache: Address, shape: StructShape): KeptObjects {
  const known = kernel.once(openKept);
  let found = known.get(cache);
  if (found === undefined) {
    found = readKept(kernel, cache, shape);
    known.set(cache, found);
  }
  return found;
}

function openKept(): BoundedCache<Address, KeptObjects> {
  return new BoundedCache(256);
}

function readKept(kernel: Kernel, cache: Address, shape: StructShape): KeptObjects {
  const structs = kernel.structs(purpose);
  const { memory } = kernel;
  const array = structs.find('array_cache');
  const node = structs.find('kmem_cache_node');
  const objects = new Set<Address>();
  let problem: string | undefined;
  const add = (read: () => Address): void => {
    try {
      const at = read();
      if (at === 0n || array?.has('avail') !== true || !array.has('entry')) return;
      const count = array.number(at, 'avail');
      if (count > limits.sheafObjects) {
        problem ??= `the array of free objects at ${formatAddress(at)} claims ${count} of them`;
        return;
      }
      const first = array.address(at, 'entry');
      for (let index = 0; index < count; index++) objects.add(memory.pointer(addToAddress(first, index * memory.pointerSize)));
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      problem ??= `an array of free objects cannot be read: ${error.message}`;
    }
  };
  for (const cpu of possibleCpus(kernel)) add(() => perCpuAddress(kernel, shape.pointer(cache, 'cpu_cache'), cpu));
  const nodes = nodeCount(kernel, Math.max(shape.arrayLength('node'), 1));
  for (let index = 0; index < nodes && node !== undefined; index++) {
    const at = optionalRead(() => memory.pointer(addToAddress(shape.address(cache, 'node'), index * memory.pointerSize)));
    if (at === undefined || at === 0n) continue;
    if (node.has('shared')) add(() => node.pointer(at, 'shared'));
    const aliens = node.has('alien') ? optionalRead(() => node.pointer(at, 'alien')) : undefined;
    const alien = structs.find('alien_cache');
    if (aliens === undefined || aliens === 0n || alien?.has('ac') !== true) continue;
    for (let other = 0; other < nodes; other++) {
      add(() => {
        const one = memory.pointer(addToAddress(aliens, other * memory.pointerSize));
        return one === 0n ? one : alien.address(one, 'ac');
      });
    }
  }
  return { objects, problem };
}

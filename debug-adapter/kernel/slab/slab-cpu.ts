/**
 * What CPUs keep of a slab cache: the slab that each allocates from and its partial list (struct kmem_cache_cpu, mm/slub.c), and
 * the sheaves of free objects of kernels since 6.18 (struct slub_percpu_sheaves, slab_sheaf, node_barn).
 */
import { nodeCount } from '../node-count.ts';
import { limits } from '../../base/limits.ts';
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { BoundedCache } from '../../base/bounded-cache.ts';
import { MemoryFault } from '../../base/errors.ts';
import type { Kernel } from '../kernel.ts';
import { walkList } from '../containers/list.ts';
import { perCpuAddress, possibleCpus } from '../per-cpu.ts';
import type { Structs } from '../structs.ts';

/** What CPUs and nodes keep of one slab cache outside its slabs' own free lists. */
export interface CpuSlabs {
  /** By the address of the slab: whose it is, and that CPU's own list of its free objects. */
  readonly active: ReadonlyMap<Address, { readonly cpu: number; readonly freelist: Address }>;
  /** By the address of the slab: the CPU on whose partial list it is. */
  readonly partial: ReadonlyMap<Address, number>;
  /** Free objects in sheaves. */
  readonly sheaves: ReadonlySet<Address>;
  /** Set where some of it cannot be read. */
  readonly problem: string | undefined;
}

/** What all CPUs keep of the kmem_cache at `cache`. */
export function cpuSlabs(kernel: Kernel, cache: Address): CpuSlabs {
  const known = kernel.once(openCache);
  let found = known.get(cache);
  if (found === undefined) {
    found = read(kernel, cache);
    known.set(cache, found);
  }
  return found;
}

function openCache(): BoundedCache<Address, CpuSlabs> {
  return new BoundedCache(512);
}

function read(kernel: Kernel, cache: Address): CpuSlabs {
  const reader = new CpuSlabReader(kernel, cache);
  for (const step of ['readCpus', 'readBarns'] as const) {
    try {
      reader[step]();
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      reader.problem ??= `what CPUs keep of the cache cannot be read: ${error.message}`;
    }
  }
  return reader;
}

class CpuSlabReader implements CpuSlabs {
  readonly active = new Map<Address, { cpu: number; freelist: Address }>();
  readonly partial = new Map<Address, number>();
  readonly sheaves = new Set<Address>();
  problem: string | undefined;
  readonly #kernel: Kernel;
  readonly #structs: Structs;
  readonly #cache: Address;

  constructor(kernel: Kernel, cache: Address) {
    this.#kernel = kernel;
    this.#structs = kernel.structs('looking at a slab page');
    this.#cache = cache;
  }

  readCpus(): void {
    const shape = this.#structs.get('kmem_cache');
    const cpuShape = this.#structs.find('kmem_cache_cpu');
    for (const cpu of possibleCpus(this.#kernel)) {
      if (cpuShape !== undefined && shape.has('cpu_slab')) this.#readCpu(cpu);
      if (shape.has('cpu_sheaves')) this.#readSheaves(cpu);
    }
  }

  #readCpu(cpu: number): void {
    const shape = this.#structs.get('kmem_cache');
    const own = this.#structs.get('kmem_cache_cpu');
    const at = perCpuAddress(this.#kernel, shape.pointer(this.#cache, 'cpu_slab'), cpu);
    const slabMember = own.has('slab') ? 'slab' : 'page';
    const slab = own.pointer(at, slabMember);
    if (slab !== 0n) this.active.set(slab, { cpu, freelist: own.pointer(at, 'freelist') });
    if (!own.has('partial')) return;
    const slabShape = this.#structs.find('slab') ?? this.#structs.get('page');
    if (!slabShape.has('next')) return;
    let next = own.pointer(at, 'partial');
    for (let count = 0; next !== 0n; count++) {
      if (this.partial.has(next) || count > limits.partialSlabs) {
        this.problem ??= `the partial list of CPU ${cpu} does not end (seen again: ${formatAddress(next)})`;
        return;
      }
      this.partial.set(next, cpu);
      next = slabShape.pointer(next, 'next');
    }
  }

  #readSheaves(cpu: number): void {
    const shape = this.#structs.find('slub_percpu_sheaves');
    const first = this.#structs.get('kmem_cache').pointer(this.#cache, 'cpu_sheaves');
    if (shape === undefined || first === 0n) return;
    const at = perCpuAddress(this.#kernel, first, cpu);
    for (const member of ['main', 'spare', 'rcu_free']) {
      const sheaf = shape.has(member) ? shape.pointer(at, member) : 0n;
      if (sheaf !== 0n) this.#addSheaf(sheaf);
    }
  }

  #addSheaf(sheaf: Address): void {
    const shape = this.#structs.find('slab_sheaf');
    if (shape?.has('objects') !== true || !shape.has('size')) return;
    const { memory } = this.#kernel;
    const claimed = shape.number(sheaf, 'size');
    if (claimed > limits.sheafObjects) this.problem ??= `the sheaf at ${formatAddress(sheaf)} claims ${claimed} objects`;
    const count = Math.min(claimed, limits.sheafObjects);
    const objects = shape.address(sheaf, 'objects');
    for (let index = 0; index < count; index++) this.sheaves.add(memory.pointer(addToAddress(objects, index * memory.pointerSize)));
  }

  /** Full sheaves that a node keeps for its CPUs. */
  readBarns(): void {
    const barn = this.#structs.find('node_barn');
    const node = this.#structs.find('kmem_cache_node');
    const sheaf = this.#structs.find('slab_sheaf');
    const shape = this.#structs.get('kmem_cache');
    if (barn?.has('sheaves_full') !== true || node?.has('barn') !== true || sheaf?.has('barn_list') !== true) return;
    const count = nodeCount(this.#kernel, Math.max(shape.arrayLength('node'), 1));
    for (let index = 0; index < count; index++) {
      const at = this.#kernel.memory.pointer(addToAddress(shape.address(this.#cache, 'node'), index * this.#kernel.memory.pointerSize));
      const full = at === 0n ? 0n : node.pointer(at, 'barn');
      if (full === 0n) continue;
      const sheaves = walkList(this.#kernel.memory, barn.address(full, 'sheaves_full'), sheaf.offset('barn_list'), (message) => {
        this.problem ??= message;
      });
      let walked = 0;
      for (const one of sheaves) {
        if (walked++ > limits.partialSlabs) {
          this.problem ??= `a node keeps more than ${limits.partialSlabs} sheaves of the cache`;
          break;
        }
        this.#addSheaf(one);
      }
    }
  }
}

/** Addresses in slab pages: cache, object, where in it, and whether it is in use. */
import { addToAddress, formatAddress, toAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { IdentifyDetail } from '../../protocol/facts.ts';
import type { Kernel } from '../kernel.ts';
import { layoutOf } from '../layout/layout.ts';
import { pageFrameOf } from '../pages/page-frame.ts';
import { slabOf, slabPlace } from '../slab/slab.ts';
import type { Slab, SlabPlace } from '../slab/slab.ts';
import { tasks } from '../processes/task.ts';
import type { Task } from '../processes/task.ts';

/** ` of cache NAME (…)` of a slab page, or nothing where it cannot be told. */
export function cacheName(kernel: Kernel, head: Address): string {
  const structs = kernel.structs('looking at a slab page');
  const slab = structs.find('slab') ?? structs.get('page');
  const cache = structs.find('kmem_cache');
  if (!slab.has('slab_cache') || cache === undefined) return '';
  const at = slab.pointer(head, 'slab_cache');
  const name = at === 0n ? undefined : optionalRead(() => kernel.memory.cString(cache.pointer(at, 'name'), 128));
  return name === undefined ? '' : ` of cache ${name} (kmem_cache ${formatAddress(at)})`;
}

/** What the byte is that lies `offset` bytes into frame `pfn`, whose slab has its struct page at `head`; undefined where the slab is not understood. */
export function describeSlab(
  kernel: Kernel,
  at: { readonly pfn: number; readonly offset: number; readonly head: Address },
): IdentifyDetail | undefined {
  const headFrame = pageFrameOf(kernel, at.head);
  const { directMap } = layoutOf(kernel);
  if (headFrame === undefined || directMap === undefined) return undefined;
  const base = addToAddress(toAddress(directMap.offset), headFrame * kernel.pageSize);
  const slab = slabOf(kernel, at.head, base);
  if (slab === undefined) return undefined;
  // SLAB keeps its list of free objects, and a gap that differs from slab to slab, before the first object.
  const into = Number(BigInt.asIntN(64, addToAddress(base, (at.pfn - headFrame) * kernel.pageSize + at.offset) - slab.base));
  const place = slabPlace(slab, into);
  const summary =
    into < 0 ? `start of a slab of cache ${slab.cache.name}, before its ${slab.objects} objects` : summaryOf(kernel, slab, place);
  return { kind: 'slab-object', summary, ...factsOf(kernel, slab, place) };
}

function summaryOf(kernel: Kernel, { cache, objects, problem }: Slab, place: SlabPlace | undefined): string {
  if (place === undefined) return `unused end of a slab of cache ${cache.name}, behind its ${objects} objects`;
  const { index, object, offset, part, allocated } = place;
  const word = allocated === undefined ? 'perhaps allocated' : allocated ? 'allocated' : 'free';
  const task = taskIn(kernel, cache.name, place);
  const whose = task === undefined ? '' : `, task ${task.pid} (${task.comm})`;
  const where =
    part === 'object'
      ? `byte 0x${offset.toString(16)} of 0x${cache.objectSize.toString(16)}`
      : part === 'left red zone'
        ? `red zone 0x${(-offset).toString(16)} bytes before it`
        : `${part} 0x${offset.toString(16)} bytes from its start`;
  const broken = allocated === undefined ? `; which objects are free is not certain: ${problem ?? ''}` : '';
  return `${word} object ${index} of ${objects} in a slab of cache ${cache.name} at ${formatAddress(object)}, ${where}${whose}${broken}`;
}

function factsOf(kernel: Kernel, slab: Slab, place: SlabPlace | undefined): Omit<IdentifyDetail, 'kind' | 'summary'> {
  const { cache } = slab;
  const task = place === undefined ? undefined : taskIn(kernel, cache.name, place);
  const used = kernel.types?.struct(cache.name);
  return {
    cache: cache.name,
    cacheAddress: formatAddress(cache.address),
    cacheListed: cache.listed ?? null,
    slab: formatAddress(slab.address),
    object: place === undefined ? null : formatAddress(place.object),
    index: place?.index ?? null,
    objects: slab.objects,
    freeObjects: slab.free.size,
    offset: place?.offset ?? null,
    part: place?.part ?? null,
    size: cache.size,
    objectSize: cache.objectSize,
    allocated: place?.allocated ?? null,
    slabPlace: slab.place ?? null,
    problem: slab.problem ?? null,
    // Many caches bear the name of the struct that they hold; x86 leaves out the end of task_struct that the CPU does not need.
    type: used !== undefined && (used.size <= cache.objectSize || cache.name === 'task_struct') ? `${used.kind} ${used.name}` : null,
    ...(task === undefined ? {} : { pid: task.pid, comm: task.comm }),
  };
}

/** The task that a task_struct is, where it is one on the list of tasks. */
function taskIn(kernel: Kernel, cache: string, { object, allocated }: SlabPlace): Task | undefined {
  if (cache !== 'task_struct' || allocated === false) return undefined;
  return kernel.once(tasksByAddress).get(object);
}

function tasksByAddress(kernel: Kernel): ReadonlyMap<Address, Task> {
  return new Map(tasks(kernel).map((task) => [task.address, task]));
}

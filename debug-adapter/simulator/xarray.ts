/** The kernel's XArray (lib/xarray.c) with values of pointers, in simulated memory. Nodes and entries are physical addresses. */
import type { Core } from './core.ts';

const slotBits = 6;
const slots = 64;
const nodeTag = 2;

interface Offsets {
  readonly head: number;
  readonly slots: number;
  readonly parent: number;
  readonly array: number;
}

function offsetsOf(core: Core): Offsets {
  const { types } = core;
  return {
    head: types.offset('xarray', 'xa_head'),
    slots: types.offset('xa_node', 'slots'),
    parent: types.offset('xa_node', 'parent'),
    array: types.offset('xa_node', 'array'),
  };
}

const shiftAt = 0;
const offsetAt = 1;
const countAt = 2;

/** The entry at an index of the array at `array`; 0 where there is none. */
export function xaLoad(core: Core, array: number, index: number): number {
  const place = xaPlace(core, array, index);
  return place === 0 ? 0 : core.memory.pointer(place);
}

/** Physical address of the word that holds an index's entry, or would; 0 where the array has no node for it. */
export function xaPlace(core: Core, array: number, index: number): number {
  const { memory } = core;
  let place = array + core.once(offsetsOf).head;
  let entry = memory.pointer(place);
  if ((entry & 3) !== nodeTag) return index === 0 ? place : 0;
  if (index >= 2 ** (memory.u8(entry - nodeTag + shiftAt) + slotBits)) return 0;
  while ((entry & 3) === nodeTag) {
    const node = entry - nodeTag;
    const shift = memory.u8(node + shiftAt);
    place = slotOf(core, node, Math.floor(index / 2 ** shift) % slots);
    if (shift === 0) return place;
    entry = memory.pointer(place);
  }
  return entry === 0 ? 0 : place;
}

/** xa_mk_value(): a number below 2^30 as an entry, written to the word that holds one. */
export function setXaValue(core: Core, place: number, value: number): void {
  core.memory.setWord(place, value * 2 + 1);
}

/** The number of a word that holds one; undefined where it holds a pointer or nothing. */
export function xaValue(core: Core, place: number): number | undefined {
  const word = core.memory.u32(place);
  return word % 2 === 1 ? (word - 1) / 2 : undefined;
}

function slotOf(core: Core, node: number, slot: number): number {
  return node + core.once(offsetsOf).slots + slot * core.memory.pointerSize;
}

/** Stores an entry where there is none. */
export function xaInsert(core: Core, array: number, of: { readonly index: number; readonly entry: number }): void {
  const { memory } = core;
  const at = core.once(offsetsOf);
  const { index, entry } = of;
  let head = memory.pointer(array + at.head);
  if (head === 0 && index === 0) {
    memory.setPointer(array + at.head, entry);
    return;
  }
  let shift = (head & 3) === nodeTag ? memory.u8(head - nodeTag + shiftAt) : -slotBits;
  // A root that does not reach the index gets one above it.
  while (shift < 0 || index >= 2 ** (shift + slotBits)) {
    shift += slotBits;
    const node = newNode(core, array, { shift, parent: 0, offset: 0 });
    if (head !== 0) {
      memory.setPointer(slotOf(core, node, 0), head);
      memory.setU8(node + countAt, 1);
      if ((head & 3) === nodeTag) memory.setPointer(head - nodeTag + at.parent, node);
    }
    head = node + nodeTag;
    memory.setPointer(array + at.head, head);
  }
  let node = head - nodeTag;
  for (; shift > 0; shift -= slotBits) {
    const slot = Math.floor(index / 2 ** shift) % slots;
    const place = slotOf(core, node, slot);
    let child = memory.pointer(place);
    if (child === 0) {
      child = newNode(core, array, { shift: shift - slotBits, parent: node, offset: slot }) + nodeTag;
      memory.setPointer(place, child);
      memory.setU8(node + countAt, memory.u8(node + countAt) + 1);
    }
    node = child - nodeTag;
  }
  memory.setPointer(slotOf(core, node, index % slots), entry);
  memory.setU8(node + countAt, memory.u8(node + countAt) + 1);
}

/** Takes the entry at an index out; nodes that are empty then are freed. */
export function xaErase(core: Core, array: number, index: number): void {
  const { memory, caches } = core;
  const at = core.once(offsetsOf);
  let entry = memory.pointer(array + at.head);
  if ((entry & 3) !== nodeTag) {
    if (index === 0) memory.setPointer(array + at.head, 0);
    return;
  }
  let node = 0;
  while ((entry & 3) === nodeTag) {
    node = entry - nodeTag;
    entry = memory.pointer(slotOf(core, node, Math.floor(index / 2 ** memory.u8(node + shiftAt)) % slots));
  }
  if (entry === 0) return;
  for (let slot = index % slots; ;) {
    memory.setPointer(slotOf(core, node, slot), 0);
    const count = memory.u8(node + countAt) - 1;
    memory.setU8(node + countAt, count);
    if (count > 0) break;
    const parent = memory.pointer(node + at.parent);
    slot = memory.u8(node + offsetAt);
    caches.xa_node.give(node);
    if (parent === 0) {
      memory.setPointer(array + at.head, 0);
      return;
    }
    node = parent;
  }
  shrink(core, array);
}

/** A root with its first slot alone is taken away (xas_shrink). */
function shrink(core: Core, array: number): void {
  const { memory, caches } = core;
  const at = core.once(offsetsOf);
  for (;;) {
    const head = memory.pointer(array + at.head);
    if ((head & 3) !== nodeTag) return;
    const node = head - nodeTag;
    const only = memory.pointer(slotOf(core, node, 0));
    if (memory.u8(node + countAt) !== 1 || only === 0) return;
    memory.setPointer(array + at.head, only);
    if ((only & 3) === nodeTag) memory.setPointer(only - nodeTag + at.parent, 0);
    caches.xa_node.give(node);
  }
}

function newNode(core: Core, array: number, of: { readonly shift: number; readonly parent: number; readonly offset: number }): number {
  const { memory } = core;
  const at = core.once(offsetsOf);
  const node = core.caches.xa_node.take();
  memory.setU8(node + shiftAt, of.shift);
  memory.setU8(node + offsetAt, of.offset);
  memory.setPointer(node + at.parent, of.parent);
  memory.setPointer(node + at.array, array);
  return node;
}

/** All entries, ascending by index. */
export function* xaEntries(core: Core, array: number): Generator<number> {
  yield* entriesBelow(core, core.memory.pointer(array + core.once(offsetsOf).head));
}

function* entriesBelow(core: Core, entry: number): Generator<number> {
  if (entry === 0) return;
  if ((entry & 3) !== nodeTag) {
    yield entry;
    return;
  }
  for (let slot = 0; slot < slots; slot++) yield* entriesBelow(core, core.memory.pointer(slotOf(core, entry - nodeTag, slot)));
}

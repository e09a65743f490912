/** The kernel image of a simulated machine: text, entry text, read-only data and data, 2 MiB each, and the names of what lies where. */
import { compareAddresses } from '../base/address.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { KernelName } from './kallsyms-table.ts';

/** Bytes that each part of the kernel image takes: one 2 MiB leaf, so that parts have rights of their own. */
export const imageSectionSize = 2 * 2 ** 20;
/** Parts of the kernel image, ascending by address. */
export const imageSections = ['text', 'entry', 'rodata', 'data'] as const;
/** The part that a variable or a function is placed in. */
export type ImageSection = (typeof imageSections)[number];
/** Bytes of the whole kernel image. */
export const imageSize = imageSectionSize * imageSections.length;

/**
 * Gives places in the sections, first come first served, and remembers their names for kallsyms. Addresses are physical, in
 * bytes.
 */
export class ImageBuilder {
  readonly #memory: KernelMemory;
  readonly #next: Record<ImageSection, number>;
  readonly #physical: number;
  /** Physical addresses by name. */
  readonly places = new Map<string, number>();
  readonly #absolute: KernelName[] = [];
  readonly #types = new Map<string, string>();

  constructor(memory: KernelMemory) {
    this.#memory = memory;
    this.#physical = memory.shape.image.physical;
    this.#next = { text: this.start('text'), entry: this.start('entry'), rodata: this.start('rodata'), data: this.start('data') };
  }

  /** Physical address at which a section begins. */
  start(section: ImageSection): number {
    return this.#physical + imageSections.indexOf(section) * imageSectionSize;
  }

  /** Room for a variable, zeroed; its physical address. */
  place(section: ImageSection, name: string, shape: { readonly size: number; readonly align?: number }): number {
    const align = shape.align ?? 16;
    const at = Math.ceil(this.#next[section] / align) * align;
    this.#next[section] = at + shape.size;
    if (this.#next[section] > this.start(section) + imageSectionSize)
      throw new RangeError(`the kernel's ${section} has no room for ${name}`);
    this.name(name, at, { text: 'T', entry: 'T', rodata: 'R', data: 'D' }[section]);
    return at;
  }

  /** Names a place. */
  name(name: string, at: number, type: string): void {
    this.places.set(name, at);
    this.#types.set(name, type);
  }

  /** A symbol whose value is no place of the image: a per-CPU offset. */
  absolute(name: string, value: bigint): void {
    this.#absolute.push({ name, type: 'A', address: value });
  }

  /** All names, ascending by address. */
  symbols(): KernelName[] {
    const found = [...this.places].map(([name, at]) => ({
      name,
      type: this.#types.get(name) ?? 'D',
      address: this.#memory.virtual(at),
    }));
    return [...this.#absolute, ...found].sort((a, b) => compareAddresses(a.address, b.address));
  }
}

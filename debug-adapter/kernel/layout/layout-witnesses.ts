/** Quantities of a layout with every witness that the image has for each, so that disagreement shows. */
import { toAddress } from '../../base/address.ts';
import { optionalRead } from '../../memory/optional-read.ts';
import type { Finding, Kernel } from '../kernel.ts';
import type { Region } from './layout.ts';

/**
 * Notes what each witness says of a quantity, in the order of trust; `findings` keeps them all, and `region` makes a region of
 * two quantities.
 */
export class Witnesses {
  readonly findings: Finding[] = [];
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Adds what one witness says, if it says anything. The first that is added for a quantity is believed. */
  note(quantity: string, value: bigint | undefined, source: string): void {
    if (value !== undefined) this.findings.push({ quantity, value: BigInt.asUintN(64, value), source });
  }

  /** VMCOREINFO NUMBER(name). */
  noteNumber(quantity: string, name: string): void {
    this.note(quantity, this.#kernel.vmcoreinfo?.number(name), `VMCOREINFO NUMBER(${name})`);
  }

  /** A variable of the kernel that holds a word; one of value 0 is not filled in yet. */
  noteVariable(quantity: string, name: string): void {
    const value = variable(this.#kernel, name);
    if (value !== undefined && value !== 0n) this.note(quantity, value, `the kernel's variable ${name}`);
  }

  /** The value that is believed: the first witness's. */
  value(quantity: string): bigint | undefined {
    return this.findings.find((finding) => finding.quantity === quantity)?.value;
  }

  /** Warns of witnesses that contradict the one that is believed. */
  warnOfDisagreement(): void {
    const first = new Map<string, Finding>();
    for (const finding of this.findings) {
      const known = first.get(finding.quantity);
      if (known === undefined) first.set(finding.quantity, finding);
      else if (known.value !== finding.value) {
        this.#kernel.warn(
          `${finding.quantity}: ${known.source} says 0x${known.value.toString(16)}, ${finding.source} says 0x${finding.value.toString(16)}; the first is used`,
        );
      }
    }
  }

  /** The region between two quantities; empty when either is unknown. */
  region(kind: string, name: string, bounds: readonly [start: string, end: string]): Region[] {
    const start = this.value(bounds[0]);
    const end = this.value(bounds[1]);
    return start === undefined || end === undefined || end <= start ? [] : [{ kind, name, start: toAddress(start), end }];
  }
}

/** A word-sized variable of the kernel; undefined when it has none of that name, or it cannot be read. */
export function variable(kernel: Kernel, name: string): bigint | undefined {
  const address = kernel.addressOf(name);
  if (address === undefined) return undefined;
  return optionalRead(() => kernel.memory.word(address));
}

/** Addresses of the kernel image less physical ones, by the page tables. */
export function imageOffset(kernel: Kernel): bigint | undefined {
  const text = kernel.vmcoreinfo?.symbol('_stext') ?? kernel.addressOf('_stext');
  if (text === undefined) return undefined;
  const physical = kernel.root.pageTable.translate(toAddress(text)).physical;
  return physical === undefined ? undefined : text - BigInt(physical);
}

/** The kernel image by its own symbols. */
export function imageRegion(kernel: Kernel): Region[] {
  const start = kernel.addressOf('_text') ?? kernel.addressOf('_stext');
  const end = kernel.addressOf('_end');
  return start === undefined || end === undefined || end <= start ? [] : [{ kind: 'kernel-image', name: 'the kernel image', start, end }];
}

/** Physical address behind the last byte of RAM. */
export function endOfRam(kernel: Kernel): bigint {
  return BigInt(kernel.physical.ranges.at(-1)?.end ?? 0);
}

/** What most paging modes have in common; an architecture's mode overrides what differs. */
import { toAddress } from '../base/address.ts';
import type { Address } from '../base/address.ts';
import type { NumberRange } from '../base/range.ts';
import type { AddressSplit, EntryKind, PagingLevel, PagingMode, Rights } from './paging-mode.ts';

/** What `PagingMode` needs beyond the meaning of single bits. */
export interface TableShape extends Pick<
  PagingMode,
  'name' | 'levels' | 'pageShift' | 'littleEndian' | 'virtualBits' | 'addressBits' | 'split'
> {
  /** Needed where `split` is `halves`. */
  readonly kernelBase?: bigint;
  readonly windowPages?: NumberRange | undefined;
}

/**
 * The answers that most architectures share, of canonical addresses and halves; entries' own (`kind`, `tableAddress`, `flags`,
 * `rights`…) are left to each.
 */
export abstract class TableMode implements PagingMode {
  readonly name: string;
  readonly levels: readonly PagingLevel[];
  readonly pageShift: number;
  readonly littleEndian: boolean;
  readonly virtualBits: number;
  readonly addressBits: 32 | 64;
  readonly split: AddressSplit;
  readonly kernelBase: bigint;
  readonly windowPages: NumberRange | undefined;

  constructor(shape: TableShape) {
    this.name = shape.name;
    this.levels = shape.levels;
    this.pageShift = shape.pageShift;
    this.littleEndian = shape.littleEndian;
    this.virtualBits = shape.virtualBits;
    this.addressBits = shape.addressBits;
    this.split = shape.split;
    this.kernelBase = shape.kernelBase ?? 0n;
    this.windowPages = shape.windowPages;
  }

  untag(address: Address): Address {
    return this.addressBits === 32 ? toAddress(BigInt.asUintN(32, address)) : address;
  }

  /** Sign-extended from `virtualBits`, as x86-64 and riscv demand; every address of a 32-bit machine. */
  isCanonical(address: Address): boolean {
    if (this.addressBits === 32) return address < 1n << 32n;
    return BigInt.asUintN(64, BigInt.asIntN(this.virtualBits, address)) === address;
  }

  /** The half without the sign bit. */
  isUserAddress(address: Address): boolean {
    return this.split !== 'spaces' && address >> BigInt(this.virtualBits - 1) === 0n;
  }

  directWindow(_address: Address): number | undefined {
    return undefined;
  }

  leafShift(level: number, _low: number, _high: number): number {
    return this.levels[level]?.shift ?? this.pageShift;
  }

  keepsFrame(_level: number, _low: number, _high: number): boolean {
    return false;
  }

  countsAsPresent(level: number, low: number, high: number): boolean {
    return this.keepsFrame(level, low, high);
  }

  defect(_level: number, _low: number, _high: number): string | undefined {
    return undefined;
  }

  /** The kernel's level number of `levels[level]`: 0 pgd … 4 pte. */
  protected depthOf(level: number): number {
    return this.levels[level]?.depth ?? 4;
  }

  /** `pgd` … `pte`, for messages. */
  protected nameOf(level: number): string {
    return this.levels[level]?.name ?? 'entry';
  }

  abstract kind(level: number, low: number, high: number): EntryKind;
  abstract tableAddress(level: number, low: number, high: number): number;
  abstract leafAddress(level: number, low: number, high: number): number;
  abstract flags(level: number, low: number, high: number): readonly string[];
  abstract cacheType(level: number, low: number, high: number): string | undefined;
  abstract rights(level: number, low: number, high: number, userAddress: boolean): Rights;
  abstract explain(level: number, low: number, high: number, context: { readonly userAddress: boolean }): string;
}

/** Names of the bits that are set, in the order of `names`; each mask is of one half. */
export function bitNames(value: number, names: readonly (readonly [mask: number, name: string])[]): string[] {
  return names.filter(([mask]) => (value & mask) !== 0).map(([, name]) => name);
}

/** An entry's halves as one 64-bit value. */
export function wholeEntry(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

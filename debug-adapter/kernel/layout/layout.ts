/** Where the regions of a kernel's address space lie, whatever the architecture. */
import type { Address } from '../../base/address.ts';
import type { Finding, Kernel } from '../kernel.ts';
import { layoutArm } from './layout-arm.ts';
import { layoutArm64 } from './layout-arm64.ts';
import { layoutPlain } from './layout-plain.ts';
import { layoutPowerpc } from './layout-powerpc.ts';
import { layoutRiscv } from './layout-riscv.ts';
import { layoutS390 } from './layout-s390.ts';
import { layoutX8632 } from './layout-x86-32.ts';
import { regionsX8664 } from './layout-x86-64.ts';

/** A named part of the address space, in bytes. */
export interface Region {
  /** In `identify`'s words: `direct-map`, `vmalloc-space`, `struct-page`, `module-space`, `kernel-image`, `fixmap`… */
  readonly kind: string;
  /** With its article, for sentences. */
  readonly name: string;
  readonly start: Address;
  /** First address behind it; 2^64 (or 2^32) where it goes to the top. */
  readonly end: bigint;
}

/** Memory that is mapped in its own order: virtual = physical + `offset`. */
export interface DirectMap {
  readonly start: Address;
  readonly end: bigint;
  readonly offset: bigint;
}

/** Where the kernel has its regions; what cannot be found out is undefined, and `witnesses` say why the rest is believed. */
export interface Layout {
  /** Where the kernel image was loaded against its link address, in bytes. */
  readonly physBase: bigint | undefined;
  readonly kaslrOffset: bigint | undefined;
  readonly directMap: DirectMap | undefined;
  /** Addresses of the kernel image less physical ones; undefined when it is not known. */
  readonly imageOffset: bigint | undefined;
  /** Regions that overlap come with the narrower one first. */
  readonly regions: readonly Region[];
  readonly findings: readonly Finding[];
}

/**
 * The layout by the architecture of the dump, found once a kernel. Architectures without a layout of their own get the plain
 * one.
 */
export function layoutOf(kernel: Kernel): Layout {
  return kernel.once(findLayout);
}

/** The narrowest region that holds `address`. */
export function regionAt(layout: Layout, address: Address): Region | undefined {
  return layout.regions.find(({ start, end }) => address >= start && address < end);
}

/** The first region of this kind. */
export function regionOfKind(layout: Layout, kind: string): Region | undefined {
  return layout.regions.find((region) => region.kind === kind);
}

function findLayout(kernel: Kernel): Layout {
  switch (kernel.machine.architecture) {
    case 'x86-64':
      return regionsX8664(kernel);
    case 'x86-32':
      return layoutX8632(kernel);
    case 'arm':
      return layoutArm(kernel);
    case 'arm64':
      return layoutArm64(kernel);
    case 'riscv64':
      return layoutRiscv(kernel);
    case 's390x':
      return layoutS390(kernel);
    case 'ppc64':
    case 'ppc64le':
      return layoutPowerpc(kernel);
    default:
      return layoutPlain(kernel);
  }
}

/**
 * ORC tables of x86-64 kernels (arch/x86/include/asm/orc_types.h, arch/x86/kernel/unwind_orc.c): for each address, where the
 * caller's stack pointer is, and where its frame pointer was saved. The kernel's are between `__start_orc_unwind` and
 * `__stop_orc_unwind`, a module's are told by its `arch` member.
 */
import { addToAddress, formatAddress } from '../../base/address.ts';
import type { Address } from '../../base/address.ts';
import { MemoryFault } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { partitionPoint } from '../../base/partition-point.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import type { Kernel } from '../kernel.ts';
import { findModule } from '../modules/module.ts';

/** What an ORC entry's offsets are added to (arch/x86/include/asm/orc_types.h: ORC_REG_*). */
export type OrcRegister = 'undefined' | 'prev-sp' | 'dx' | 'di' | 'bp' | 'sp' | 'r10' | 'r13' | 'bp-indirect' | 'sp-indirect' | 'unknown';

/** How the frame at one instruction is laid out; offsets in bytes. */
export interface OrcEntry {
  readonly spOffset: number;
  readonly bpOffset: number;
  readonly spRegister: OrcRegister;
  readonly bpRegister: OrcRegister;
  readonly type: 'undefined' | 'end-of-stack' | 'call' | 'regs' | 'regs-partial';
  /** The caller was interrupted: its address is not that of a call's return. */
  readonly signal: boolean;
}

/** How the 16 bits behind the offsets are laid out: 1 since 4.14, 2 since 6.3, 3 since 6.4, 4 as 3 with other register numbers. */
export type OrcVersion = 1 | 2 | 3 | 4;

const entrySize = 6;
const ipSize = 4;

const olderRegisters: readonly OrcRegister[] = ['undefined', 'prev-sp', 'dx', 'di', 'bp', 'sp', 'r10', 'r13', 'bp-indirect', 'sp-indirect'];
const newerRegisters: readonly OrcRegister[] = [
  'undefined',
  'unknown',
  'unknown',
  'sp',
  'bp',
  'unknown',
  'unknown',
  'unknown',
  'prev-sp',
  'sp-indirect',
  'bp-indirect',
];
const newerTypes: readonly OrcEntry['type'][] = ['undefined', 'end-of-stack', 'call', 'regs', 'regs-partial'];
const olderTypes: readonly OrcEntry['type'][] = ['call', 'regs', 'regs-partial'];

/** Decodes one entry: its two offsets (signed 16 bits, bytes) and its 16 bits of registers and flags. */
export function decodeOrcEntry(spOffset: number, bpOffset: number, flags: number, version: OrcVersion): OrcEntry {
  const names = version === 4 ? newerRegisters : olderRegisters;
  const spRegister = names[flags & 0xf] ?? 'unknown';
  const bpRegister = names[(flags >>> 4) & 0xf] ?? 'unknown';
  const shared = { spOffset, bpOffset, spRegister, bpRegister };
  if (version >= 3) return { ...shared, type: newerTypes[(flags >>> 8) & 7] ?? 'undefined', signal: ((flags >>> 11) & 1) === 1 };
  const plain = olderTypes[(flags >>> 8) & 3] ?? 'undefined';
  const end = ((flags >>> (version === 2 ? 11 : 10)) & 1) === 1;
  const type = spRegister === 'undefined' ? (end ? 'end-of-stack' : 'undefined') : plain;
  return { ...shared, type, signal: version === 2 ? ((flags >>> 10) & 1) === 1 : plain !== 'call' };
}

/**
 * Tells the version from entries' own bits. Most functions begin with the return address alone on the stack: 8 bytes above
 * the stack pointer, a call, no frame pointer. How that commonest entry is written tells 1 and 2 from 3, and 3 from 4;
 * bit 11 is used by 2 alone of the first two.
 */
export function orcVersionOf(samples: Iterable<{ readonly spOffset: number; readonly flags: number }>): OrcVersion | undefined {
  const votes = { older: 0, third: 0, fourth: 0 };
  let topBit = false;
  for (const { spOffset, flags } of samples) {
    if (flags >>> 12 !== 0) return undefined;
    topBit ||= ((flags >>> 11) & 1) === 1;
    if (spOffset !== 8 || ((flags >>> 4) & 0xf) !== 0) continue;
    if (flags === 0x005) votes.older++;
    else if (flags === 0x205) votes.third++;
    else if (flags === 0x203) votes.fourth++;
  }
  const most = Math.max(votes.older, votes.third, votes.fourth);
  if (most === 0) return undefined;
  if (most === votes.third) return 3;
  if (most === votes.fourth) return 4;
  return topBit ? 2 : 1;
}

/** One table: `ips` are 32-bit offsets from their own places, ascending by address; `entries` stand beside them. */
export class OrcTable {
  readonly count: number;
  readonly #memory: AddressSpace;
  readonly #ips: Address;
  readonly #entries: Address;

  constructor(memory: AddressSpace, from: { readonly ips: Address; readonly entries: Address; readonly count: number }) {
    this.#memory = memory;
    this.#ips = from.ips;
    this.#entries = from.entries;
    this.count = from.count;
  }

  /** First address that entry `index` is about. */
  ip(index: number): Address {
    const at = addToAddress(this.#ips, index * ipSize);
    return addToAddress(at, this.#memory.i32(at));
  }

  /** Entry `index` as it stands in memory (struct orc_entry): offsets in bytes, and the flags word. Throws `MemoryFault`. */
  raw(index: number): { readonly spOffset: number; readonly bpOffset: number; readonly flags: number } {
    const at = addToAddress(this.#entries, index * entrySize);
    const signed = (value: number): number => (value << 16) >> 16;
    return {
      spOffset: signed(this.#memory.u16(at)),
      bpOffset: signed(this.#memory.u16(addToAddress(at, 2))),
      flags: this.#memory.u16(addToAddress(at, 4)),
    };
  }

  /** Index of the last entry at or below `address`; of several for one address the last, which is no gap's filler. */
  indexOf(address: Address): number | undefined {
    const above = partitionPoint(this.count, (index) => this.ip(index) <= address);
    return above === 0 ? undefined : above - 1;
  }

  /** Entries spread over the table; those that the dump lacks are left out. */
  *samples(most: number): Generator<{ readonly spOffset: number; readonly flags: number }> {
    const step = Math.max(1, Math.floor(this.count / most));
    for (let index = 0; index < this.count; index += step) {
      try {
        yield this.raw(index);
      } catch (error) {
        if (!(error instanceof MemoryFault)) throw error;
      }
    }
  }
}

const sampled = 4096;

/** The tables of one kernel and its modules. */
export class OrcTables {
  readonly version: OrcVersion;
  readonly #kernel: Kernel;
  readonly #own: OrcTable;
  readonly #ofModules = new Map<Address, OrcTable | undefined>();

  constructor(kernel: Kernel, own: OrcTable, version: OrcVersion) {
    this.#kernel = kernel;
    this.#own = own;
    this.version = version;
  }

  /** The entry for the instruction at `address`; undefined outside the kernel's and modules' code. Throws `MemoryFault`. */
  find(address: Address): OrcEntry | undefined {
    const table = this.#tableOf(address);
    const index = table?.indexOf(address);
    if (table === undefined || index === undefined) return undefined;
    const { spOffset, bpOffset, flags } = table.raw(index);
    return decodeOrcEntry(spOffset, bpOffset, flags, this.version);
  }

  #tableOf(address: Address): OrcTable | undefined {
    const found = findModule(this.#kernel, address);
    if (found === undefined) return inKernelText(this.#kernel, address) ? this.#own : undefined;
    const { module } = found;
    if (!this.#ofModules.has(module.address)) this.#ofModules.set(module.address, this.#openModule(module.address));
    return this.#ofModules.get(module.address);
  }

  /** struct mod_arch_specific (arch/x86/include/asm/module.h). */
  #openModule(module: Address): OrcTable | undefined {
    const shape = this.#kernel.structs('unwinding a stack').find('module');
    if (shape?.has('arch.num_orcs') !== true) return undefined;
    const count = shape.number(module, 'arch.num_orcs');
    const ips = shape.pointer(module, 'arch.orc_unwind_ip');
    const entries = shape.pointer(module, 'arch.orc_unwind');
    if (count === 0 || count > limits.symbols || ips === 0n || entries === 0n) return undefined;
    return new OrcTable(this.#kernel.memory, { ips, entries, count });
  }
}

function inKernelText(kernel: Kernel, address: Address): boolean {
  const within = (first: string, last: string): boolean => {
    const start = kernel.addressOf(first);
    const end = kernel.addressOf(last);
    return start !== undefined && end !== undefined && address >= start && address < end;
  };
  return within('_stext', '_etext') || within('_text', '_etext') || within('_sinittext', '_einittext');
}

/** The ORC tables; undefined where the kernel has none, with a warning where it has and they cannot be used. */
export function orcTables(kernel: Kernel): OrcTables | undefined {
  return kernel.once(openOrcTables);
}

function openOrcTables(kernel: Kernel): OrcTables | undefined {
  if (kernel.machine.architecture !== 'x86-64') return undefined;
  const [ips, ipsEnd, entries] = ['__start_orc_unwind_ip', '__stop_orc_unwind_ip', '__start_orc_unwind'].map((name) =>
    kernel.addressOf(name),
  );
  if (ips === undefined || ipsEnd === undefined || entries === undefined || ipsEnd <= ips) return undefined;
  const count = Number(ipsEnd - ips) / ipSize;
  if (!Number.isInteger(count) || count > limits.symbols) {
    kernel.warn(`stacks: the ORC table at ${formatAddress(ips)} has an impossible length; stacks are guessed`);
    return undefined;
  }
  const own = new OrcTable(kernel.memory, { ips, entries, count });
  const version = versionByTypes(kernel, own) ?? orcVersionOf(own.samples(sampled));
  if (version !== undefined) return new OrcTables(kernel, own, version);
  kernel.warn(
    `stacks: the ORC table at ${formatAddress(entries)} is not in the dump or in a form that Pagewalk does not know; stacks are guessed`,
  );
  return undefined;
}

/** By the members of struct orc_entry; its register numbers are told by the entries alone. */
function versionByTypes(kernel: Kernel, table: OrcTable): OrcVersion | undefined {
  const members = kernel.types?.struct('orc_entry')?.members;
  if (members === undefined) return undefined;
  const bits = (name: string): number | undefined => members.find((member) => member.name === name)?.bitSize;
  if (bits('type') === 3) return orcVersionOf(table.samples(sampled)) === 4 ? 4 : 3;
  if (bits('end') === undefined || bits('type') !== 2) return undefined;
  return bits('signal') === undefined ? 1 : 2;
}

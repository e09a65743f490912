/**
 * One page table: the generic walker over a paging mode. `frameOf` is the hot path (numbers only, nothing allocated once
 * its tables are known); `translate` keeps every level and explains the end.
 */
import { formatAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { entryKind } from '../arch/paging-mode.ts';
import type { PagingLevel, PagingMode } from '../arch/paging-mode.ts';
import { wholeEntry } from '../arch/table-mode.ts';
import type { NumberRange } from '../base/range.ts';
import type { Translator } from '../memory/address-space.ts';
import type { HoleReason } from '../memory/hole.ts';
import { frameSize } from '../memory/physical-memory.ts';
import type { PhysicalMemory } from '../memory/physical-memory.ts';
import { highHalf, lowHalf, viewFrame } from './table-view.ts';
import type { EffectiveRights, Translation, TranslationLevel } from './translation.ts';

const frameBits = 12;
/** Powers of two: they are asked for at every level of every walk, and `**` is a call. */
const powers = Float64Array.from({ length: 65 }, (_, bits) => 2 ** bits);
/** Stretches of which it is remembered where their walks end, as CPUs do it too. */
const stretches = 256;

type Half = 'kernel' | 'user';

/**
 * Whose table it is. It matters only where kernel and user addresses have separate roots (`PagingMode.split`): a
 * process's table then translates kernel addresses by `kernel`, as the CPU does.
 */
export type PageTableUse =
  | { readonly half: 'kernel' }
  /** `firmware`: it is no process's but that of runtime services (efi_mm), at addresses that processes have elsewhere. */
  | { readonly half: 'user'; readonly kernel: PageTable | undefined; readonly firmware?: boolean };

/**
 * Translates through one root. Page and frame numbers are of 4 KiB, -1 is none; where an entry cannot be read, the walk ends
 * with the hole's reason. Tables are kept once read: `invalidate` after memory was written.
 */
export class PageTable implements Translator {
  readonly physical: PhysicalMemory;
  readonly mode: PagingMode;
  /** Physical address of the root table, in bytes; rounded down to the table's alignment, 4 KiB at most. */
  readonly root: PhysAddr;
  /** Pages (address / 4096) that the root covers and the hardware translates without it; what entries say of them is void. */
  readonly windowPages: NumberRange | undefined;
  /** Views of table frames that were read, or null for those that cannot be. */
  readonly #frames = new Map<number, DataView | null>();
  readonly #rootBits: number;
  readonly #half: Half;
  readonly #kernel: PageTable | undefined;
  readonly #firmware: boolean;
  /** Virtual pages from here on belong to the kernel's half, where halves have separate roots. */
  readonly #firstKernelPage: number;
  /** Whether some addresses are mapped without a table, or by another one. */
  readonly #hasWindows: boolean;
  /** The leaf that `frameOf` found last: its level and entry (no level where no table has it), pages to its end, and the frame behind it. */
  #leafLevel = -1;
  #leafIndex = 0;
  #leafAt = 0;
  #pagesAhead = 1;
  #frameBehind = 0;
  /** Tables from this level on have no border within, at which others translate, or addresses are not canonical. */
  readonly #firstLevelAhead: number;
  /** Pages that a table of the last level maps: walks of such a stretch end in one table, there or above. */
  readonly #stretchPages: number;
  /** Stretches by number, each in the slot of its lowest bits, with the level and address of their last table. */
  readonly #stretches = new Float64Array(stretches).fill(-1);
  readonly #lastLevels = new Uint8Array(stretches);
  readonly #lastTables = new Float64Array(stretches);

  constructor(physical: PhysicalMemory, mode: PagingMode, root: PhysAddr, use: PageTableUse = { half: 'kernel' }) {
    this.physical = physical;
    this.mode = mode;
    // Bits below a table's alignment are the register's own (PCID, ASID, CnP), or damage: the CPU takes no address from them.
    const shape = mode.levels[0];
    const alignment = shape === undefined ? frameSize : Math.min(frameSize, shape.entrySize * 2 ** shape.indexBits);
    this.root = toPhysAddr(root - (root % alignment));
    this.#half = use.half;
    this.#kernel = use.half === 'user' ? use.kernel : undefined;
    this.#firmware = use.half === 'user' && use.firmware === true;
    this.#firstKernelPage = 2 ** (mode.addressBits - 13);
    // A process's own space has nothing of the kernel's.
    this.windowPages = mode.split === 'spaces' && use.half === 'user' ? undefined : mode.windowPages;
    this.#hasWindows = mode.split === 'spaces' ? this.windowPages !== undefined : mode.split === 'halves' || this.windowPages !== undefined;
    this.#firstLevelAhead = this.#hasWindows ? Math.max(1, mode.levels.length - 1) : 1;
    const top = mode.levels[0];
    const last = mode.levels.at(-1);
    this.#stretchPages = last === undefined ? 1 : 2 ** (last.shift + last.indexBits - frameBits);
    this.#rootBits = top === undefined ? 0 : top.shift + top.indexBits;
  }

  /** First address that the root table covers (the sign extension of shared roots apart). */
  get virtualBase(): bigint {
    return this.#half === 'kernel' ? this.mode.kernelBase : 0n;
  }

  /** Which half the root serves, where kernel and user addresses have separate roots. */
  get half(): Half {
    return this.#half;
  }

  /** Whether user mode uses this address in this table. */
  isUserAddress(address: Address): boolean {
    return this.mode.split === 'spaces' ? this.#half === 'user' : this.mode.isUserAddress(address);
  }

  /** Whether an entry of `address` that is not present may be a swap entry: firmware's memory is never swapped. */
  mayHoldSwap(address: Address): boolean {
    return !this.#firmware && this.isUserAddress(address);
  }

  pagesAhead(most: number): number {
    let pages = this.#pagesAhead;
    const level = this.#leafLevel;
    const shape = this.mode.levels[level];
    if (pages >= most || shape === undefined) return Math.min(pages, most);
    // The entries behind the last one, as far as they lie in the same table and frame.
    const view = this.tableView(Math.floor(this.#leafAt / frameSize));
    let offset = below(this.#leafAt, frameSize) + shape.entrySize;
    if (view === undefined) return pages;
    const more = powers[shape.shift - frameBits] ?? 1;
    let frame = this.#frameBehind;
    for (
      let left = (powers[shape.indexBits] ?? 1) - 1 - this.#leafIndex;
      left > 0 && offset < frameSize && pages < most;
      left--, offset += shape.entrySize
    ) {
      const low = lowHalf(view, offset, shape, this.mode);
      const high = highHalf(view, offset, shape, this.mode);
      if (this.mode.kind(level, low, high) !== entryKind.leaf || this.mode.leafShift(level, low, high) !== shape.shift) break;
      if (this.mode.leafAddress(level, low, high) !== frame * frameSize) break;
      pages += more;
      frame += more;
    }
    return Math.min(pages, most);
  }

  frameOf(virtualPage: number): number {
    const { levels, split } = this.mode;
    this.#pagesAhead = 1;
    this.#leafLevel = -1;
    if (this.#hasWindows) {
      const window = this.mode.directWindow(toAddress(BigInt(virtualPage) << BigInt(frameBits)));
      if (window !== undefined) return window / frameSize;
      if (split === 'halves' && virtualPage >= this.#firstKernelPage !== (this.#half === 'kernel')) {
        return virtualPage >= this.#firstKernelPage ? (this.#kernel?.frameOf(virtualPage) ?? -1) : -1;
      }
    }
    const stretch = Math.floor(virtualPage / this.#stretchPages);
    const slot = below(stretch, stretches);
    const known = this.#stretches[slot] === stretch;
    let table: number = known ? (this.#lastTables[slot] ?? 0) : this.root;
    for (let level = known ? (this.#lastLevels[slot] ?? 0) : 0; level < levels.length; level++) {
      const shape = levels[level];
      if (shape === undefined) return -1;
      const index = indexOf(shape, virtualPage);
      const at = table + index * shape.entrySize;
      const view = this.tableView(Math.floor(at / frameSize));
      if (view === undefined) return -1;
      const inFrame = below(at, frameSize);
      const low = lowHalf(view, inFrame, shape, this.mode);
      const high = highHalf(view, inFrame, shape, this.mode);
      const kind = this.mode.kind(level, low, high);
      if (kind === entryKind.table) table = this.mode.tableAddress(level, low, high);
      else if (kind === entryKind.leaf || (kind === entryKind.notPresent && this.#keepsFrame(level, low, high))) {
        if (!known) {
          if (!this.#isCanonicalPage(virtualPage)) return -1;
          this.#stretches[slot] = stretch;
          this.#lastLevels[slot] = level;
          this.#lastTables[slot] = table;
        }
        const shift = this.mode.leafShift(level, low, high);
        const pages = powers[shift - frameBits] ?? 1;
        const inside = below(virtualPage, pages);
        const first = this.mode.leafAddress(level, low, high) / frameSize;
        // Where several entries stand for one page, the next may be another's after all.
        const own = Math.min(pages, powers[shape.shift - frameBits] ?? 1);
        this.#pagesAhead = own - below(inside, own);
        if (shift === shape.shift && level >= this.#firstLevelAhead) {
          this.#leafLevel = level;
          this.#leafIndex = index;
          this.#leafAt = at;
          this.#frameBehind = first + pages;
        }
        return first + inside;
      } else return -1;
    }
    return -1;
  }

  untag(address: Address): Address {
    return this.mode.untag(address);
  }

  explain(address: Address): HoleReason {
    return this.translate(address).reason ?? { kind: 'not-mapped', message: 'it is mapped, but its frame is missing' };
  }

  /** Walks `address` down; every level reached is in the result. */
  translate(address: Address): Translation {
    const { mode } = this;
    const found: TranslationLevel[] = [];
    // The levels are shown for an address that is not canonical too, although the CPU would not walk them.
    const nonCanonical: HoleReason | undefined = mode.isCanonical(address)
      ? undefined
      : { kind: 'non-canonical', message: `${formatAddress(address)} is not a canonical address (${mode.name})` };
    const user = this.isUserAddress(address);
    const elsewhere = this.#elsewhere(address);
    if (elsewhere !== undefined) return elsewhere;
    const virtualPage = Number(address >> BigInt(frameBits));
    let table: number = this.root;
    let covered = 2 ** this.#rootBits;
    for (let level = 0; level < mode.levels.length; level++) {
      const shape = mode.levels[level];
      if (shape === undefined) break;
      const index = indexOf(shape, virtualPage);
      const at = table + index * shape.entrySize;
      const view = this.tableView(Math.floor(at / frameSize));
      if (view === undefined)
        return ended(address, {
          levels: found,
          pageSize: covered,
          reason: nonCanonical ?? this.#tableReason(at, { table, level, above: found.at(-1) }),
        });
      covered = 2 ** shape.shift;
      const low = lowHalf(view, at % frameSize, shape, this.mode);
      const high = highHalf(view, at % frameSize, shape, this.mode);
      const kind = mode.kind(level, low, high);
      const keepsFrame = kind === entryKind.notPresent && this.#keepsFrame(level, low, high);
      const leaf = kind === entryKind.leaf || keepsFrame;
      found.push({
        level: shape.name,
        tableAddress: toPhysAddr(table),
        index,
        shift: shape.shift,
        indexBits: shape.indexBits,
        entryAddress: toPhysAddr(at),
        entry: wholeEntry(low, high),
        flags: mode.flags(level, low, high),
        leaf,
        rights: mode.rights(level, low, high, user),
        defect: mode.defect(level, low, high),
        companion: this.#companion(level, at),
      });
      if (kind === entryKind.table) {
        table = mode.tableAddress(level, low, high);
        continue;
      }
      if (!leaf) {
        const message = mode.explain(level, low, high, { userAddress: this.mayHoldSwap(address) });
        return ended(address, { levels: found, pageSize: covered, reason: nonCanonical ?? { kind: 'not-mapped', message } });
      }
      if (nonCanonical !== undefined) return ended(address, { levels: found, pageSize: covered, reason: nonCanonical });
      if (keepsFrame) {
        const message = mode.explain(level, low, high, { userAddress: this.mayHoldSwap(address) });
        return ended(address, { levels: found, pageSize: covered, reason: { kind: 'not-mapped', message } });
      }
      const leafShift = mode.leafShift(level, low, high);
      const offset = Number(BigInt.asUintN(leafShift, address));
      const physical = mode.leafAddress(level, low, high) + offset;
      return {
        virtual: address,
        physical: toPhysAddr(physical),
        pageSize: Math.max(covered, 2 ** leafShift),
        levels: found,
        reason: undefined,
        effective: effectiveRights(found, mode.split === 'spaces'),
        cacheType: mode.cacheType(level, low, high),
      };
    }
    return ended(address, {
      levels: found,
      pageSize: covered,
      reason: { kind: 'not-mapped', message: 'the last level holds a table pointer' },
    });
  }

  /** A 4 KiB frame of table memory as a view; undefined when it cannot be read. */
  tableView(frame: number): DataView | undefined {
    const known = this.#frames.get(frame);
    if (known !== undefined) return known ?? undefined;
    const view = viewFrame(this.physical, frame);
    this.#frames.set(frame, view ?? null);
    return view;
  }

  /** Forgets the tables read, after memory was written. */
  invalidate(): void {
    this.#frames.clear();
    this.#stretches.fill(-1);
  }

  /** The answer for an address that this root does not translate: a direct window's, the other root's. */
  #elsewhere(address: Address): Translation | undefined {
    const { mode } = this;
    const window = this.#hasWindows ? mode.directWindow(address) : undefined;
    if (window !== undefined) return windowTranslation(address, window, 2 ** mode.pageShift);
    if (mode.split !== 'halves' || mode.isUserAddress(address) === (this.#half === 'user') || !mode.isCanonical(address)) return undefined;
    if (this.#half === 'user' && this.#kernel !== undefined) return this.#kernel.translate(address);
    const message =
      this.#half === 'user'
        ? 'it is a kernel address, which this root does not translate'
        : "it is a user address, which the kernel's root does not translate; choose a process";
    return ended(address, { levels: [], pageSize: 2 ** this.#rootBits, reason: { kind: 'not-mapped', message } });
  }

  #companion(level: number, entryAddress: number): TranslationLevel['companion'] {
    const { companion } = this.mode;
    const at = companion?.address(level, entryAddress);
    const shape = this.mode.levels[level];
    if (companion === undefined || at === undefined || shape === undefined) return undefined;
    const view = this.tableView(Math.floor(at / frameSize));
    if (view === undefined) return undefined;
    const entry = lowHalf(view, at % frameSize, shape, this.mode);
    return { entryAddress: toPhysAddr(at), entry: BigInt(entry), flags: companion.flags(entry) };
  }

  #keepsFrame(level: number, low: number, high: number): boolean {
    return this.mode.keepsFrame(level, low, high);
  }

  #isCanonicalPage(virtualPage: number): boolean {
    return this.mode.isCanonical(toAddress(BigInt(virtualPage) << BigInt(frameBits)));
  }

  #tableReason(at: number, of: { table: number; level: number; above: TranslationLevel | undefined }): HoleReason {
    const { level, above } = of;
    const name = this.mode.levels[level]?.name ?? 'table';
    const hole = Number.isSafeInteger(at) ? this.physical.partialFrame(Math.floor(at / frameSize)).holes[0]?.reason : undefined;
    const from =
      above === undefined ? 'the root' : `the ${above.level} entry ${formatAddress(above.entry)} at ${formatAddress(above.entryAddress)}`;
    const why = hole?.message ?? 'no machine has memory there';
    const wild = hole === undefined || hole.kind === 'not-ram';
    return {
      kind: wild ? 'wild-table' : hole.kind,
      message: `${from} points to a ${name} table at physical ${formatAddress(of.table)}, which cannot be read: ${why}`,
    };
  }
}

/** Index of a virtual page (address / 4096) in a table of this level. */
export function indexOf(level: PagingLevel, virtualPage: number): number {
  return below(Math.floor(virtualPage / (powers[level.shift - frameBits] ?? 1)), powers[level.indexBits] ?? 1);
}

/** `value % power` for a power of two; the remainder of numbers beyond 32 bits is a slow call. */
function below(value: number, power: number): number {
  return value - Math.floor(value / power) * power;
}

/** An address that no table maps: the hardware does. */
function windowTranslation(address: Address, physical: number, pageSize: number): Translation {
  return {
    virtual: address,
    physical: toPhysAddr(physical),
    pageSize,
    levels: [],
    reason: undefined,
    effective: { write: true, execute: true, user: false, writeLostAt: undefined, executeLostAt: undefined, userLostAt: 'direct window' },
    cacheType: undefined,
  };
}

function ended(address: Address, at: { levels: readonly TranslationLevel[]; pageSize: number; reason: HoleReason }): Translation {
  return {
    virtual: address,
    physical: undefined,
    pageSize: at.pageSize,
    levels: at.levels,
    reason: at.reason,
    effective: undefined,
    cacheType: undefined,
  };
}

/** Where user mode has a space of its own, no level takes its right away: it is the root's, or it is not. */
function effectiveRights(levels: readonly TranslationLevel[], separateSpaces: boolean): EffectiveRights {
  const lostAt = (right: 'write' | 'execute' | 'user'): string | undefined => levels.find((level) => !level.rights[right])?.level;
  const writeLostAt = lostAt('write');
  const executeLostAt = lostAt('execute');
  const userLostAt = lostAt('user');
  return {
    write: writeLostAt === undefined,
    execute: executeLostAt === undefined,
    user: userLostAt === undefined,
    writeLostAt,
    executeLostAt,
    userLostAt: separateSpaces ? undefined : userLostAt,
  };
}

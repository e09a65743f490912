/**
 * The process of the Debian machine, made again on a simulated one: the same mappings by the same calls in the same order, as
 * its own notes (truth/guest/user.jsonl) tell them. Of the program itself there are no notes: its pages are touched as its
 * pagemap shows them.
 */
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import type { Arguments, OperationValue } from '../../debug-adapter/simulator/operation.ts';

export interface RecordedArea {
  readonly start: string;
  readonly end: string;
  /** vm_flags. */
  readonly flags: string;
  readonly pgoff: number;
  readonly file: string | null;
}

/** Entries of /proc/PID/pagemap from an address on: one by one, or `n` that are the same. */
export interface RecordedPages {
  readonly at: string;
  readonly e?: readonly string[];
  readonly n?: number;
  readonly same?: string;
}

/** Entries by address; those of runs that are 0 are left out. */
export function recordedEntries(lines: readonly RecordedPages[]): ReadonlyMap<bigint, bigint> {
  const entries = new Map<bigint, bigint>();
  for (const { at, e, n = 0, same = '0x0' } of lines) {
    const list = e ?? (BigInt(same) === 0n ? [] : Array.from({ length: n }, () => same));
    list.forEach((entry, index) => entries.set(BigInt(at) + BigInt(index) * page, BigInt(entry)));
  }
  return entries;
}

const page = 4096n;
const huge = 512;
const first = 0x2000_0000_0000n;
const every = (count: number, keep: (index: number) => boolean = () => true): number[] =>
  Array.from({ length: count }, (_, index) => index).filter(keep);

/** A range of the process: its number gives its address. */
class Range {
  readonly #process: RecordedProcess;
  readonly start: bigint;
  readonly pages: number;

  constructor(process: RecordedProcess, start: bigint, pages: number) {
    this.#process = process;
    this.start = start;
    this.pages = pages;
  }

  touch(indexes: readonly number[], write: boolean): this {
    for (const index of indexes) this.#process.run('fault', { address: this.start + BigInt(index) * page, write });
    return this;
  }

  write(indexes: readonly number[]): this {
    return this.touch(indexes, true);
  }

  read(indexes: readonly number[]): this {
    return this.touch(indexes, false);
  }

  /** A call on pages [from, from + count). */
  call(name: string, of: { readonly from?: number; readonly count?: number; readonly more?: Arguments } = {}): this {
    const { from = 0, count = this.pages - from, more = {} } = of;
    this.#process.run(name, { address: this.start + BigInt(from) * page, size: BigInt(count) * page, ...more });
    return this;
  }

  advise(advice: string, from = 0, count = this.pages - from): this {
    return this.call('madvise', { from, count, more: { advice } });
  }

  protect(prot: string, from = 0, count = this.pages - from): this {
    return this.call('mprotect', { from, count, more: { prot } });
  }

  /** Registered for write protection, as the process's userfaultfd was. */
  register(mode = 'WP'): this {
    return this.call('userfaultfd_register', { more: { mode, features: 'WP_ASYNC|WP_UNPOPULATED|WP_HUGETLBFS_SHMEM|POISON' } });
  }

  writeProtect(): this {
    return this.call('userfaultfd_writeprotect');
  }
}

export class RecordedProcess {
  readonly machine = Machine.create({ ram: 256 * 2 ** 20 });
  readonly process: bigint;

  constructor() {
    this.process = this.machine.run('create_process', { name: 'fxuser' }) as bigint;
  }

  run(name: string, given: Arguments): OperationValue {
    return this.machine.run(name, { process: this.process, ...given });
  }

  #map(start: bigint, pages: number, more: Arguments = {}): Range {
    const flags = 'MAP_PRIVATE|MAP_FIXED_NOREPLACE';
    this.run('mmap', { address: start, size: BigInt(pages) * page, flags, ...more });
    return new Range(this, start, pages);
  }

  /** A range by its number in the notes; anonymous and private unless `more` says otherwise. */
  range(id: number, pages: number, more: Arguments = {}): Range {
    return this.#map(first + BigInt(id - 1) * 0x400_0000n, pages, more);
  }

  file(name: string, pages: number, kind: string): OperationValue {
    return this.machine.run('create_file', { name, size: BigInt(pages) * page, kind });
  }

  /** The program, its heap, stack and vDSO: mapped writable, touched, then protected as they were found. */
  program(areas: readonly RecordedArea[], entries: ReadonlyMap<bigint, bigint>): void {
    const own = areas.filter(({ start }) => BigInt(start) < first || BigInt(start) >= 0x7000_0000_0000n);
    const binary = this.file('fxuser', 0xaa + 3, 'file');
    for (const { start, end, flags, pgoff, file } of own) {
      const [address, pages] = [BigInt(start), Number((BigInt(end) - BigInt(start)) / page)];
      const bits = BigInt(flags);
      const prot = ['PROT_READ', 'PROT_WRITE', 'PROT_EXEC'].filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n).join('|');
      // VM_PFNMAP is the vDSO's data; of the areas without a file the vDSO alone has no VM_ACCOUNT.
      if ((bits & 0x400n) !== 0n || (file === null && (bits & 0x10_0000n) === 0n)) {
        const isData = (bits & 0x400n) !== 0n;
        this.run('install_special_mapping', {
          address,
          size: BigInt(pages) * page,
          name: isData ? '[vvar]' : '[vdso]',
          prot,
          pfn_map: isData,
        });
        if (!isData) this.#touch(address, pages, entries);
        continue;
      }
      const range = this.#map(address, pages, file === null ? {} : { file: binary, offset: BigInt(pgoff) * page });
      this.#touch(address, pages, entries);
      range.protect(prot);
    }
  }

  /** Pages that were found mapped are accessed where no earlier access brought them: written where they are the process's own. */
  #touch(address: bigint, pages: number, entries: ReadonlyMap<bigint, bigint>): void {
    for (const index of every(pages)) {
      const entry = entries.get(address + BigInt(index) * page) ?? 0n;
      if (entry >> 63n !== 1n) continue;
      this.run('fault', { address: address + BigInt(index) * page, write: ((entry >> 61n) & 1n) === 0n });
    }
  }

  /** Pages that the program wrote once more after its soft-dirty bits were cleared. */
  writeAgain(areas: readonly RecordedArea[], entries: ReadonlyMap<bigint, bigint>): void {
    for (const { start, end, flags } of areas) {
      // Areas of hugetlbfs keep their marks, new ones have VM_SOFTDIRTY.
      if ((BigInt(flags) & 0x840_0000n) !== 0n) continue;
      for (let address = BigInt(start); address < BigInt(end); address += page) {
        const entry = entries.get(address) ?? 0n;
        if (entry >> 63n === 1n && ((entry >> 55n) & 1n) === 1n) this.run('fault', { address, write: true });
      }
    }
  }

  /** The ranges, up to the first PAGEMAP_SCAN that write-protects. */
  ranges(): void {
    const forked = this.range(1, 8).write(every(8));
    const child = this.machine.run('fork', { process: this.process });
    for (const index of [1, 3]) this.machine.run('fault', { process: child, address: forked.start + BigInt(index) * page, write: true });
    this.range(2, 64)
      .write(every(64, (index) => index % 2 === 0))
      .read(every(64, (index) => index % 4 === 1));
    this.range(3, 16);
    this.range(4, 1400).write(every(1400, (index) => index % 2 === 0));
    this.range(5, 16).write(every(12)).protect('PROT_READ');
    this.range(6, 16).write(every(12)).protect('PROT_NONE');
    this.range(7, 24).write(every(24)).protect('PROT_NONE', 8, 8).protect('PROT_READ', 16, 8);
    this.#files();
    this.#huge();
    this.#swapped();
    this.range(20, 16).write(every(16)).advise('MADV_FREE', 0, 8).write([3]);
    this.range(21, 4).call('mlock');
    this.range(22, 262_144).write([7, 131_072, 262_143]);
    this.range(38, 1024, { flags: 'MAP_PRIVATE|MAP_FIXED_NOREPLACE|MAP_HUGETLB' }).write([0]);
    this.range(39, 8)
      .write(every(8))
      .call('mprotect', { more: { prot: 'PROT_READ|PROT_WRITE', key: 10n } });
    this.#userfaultfd();
  }

  #files(): void {
    const shared = 'MAP_SHARED|MAP_FIXED_NOREPLACE';
    const file = this.file('fxfile', 64, 'file');
    this.range(8, 16, { file }).read(every(4)).write([8, 9, 10, 11]);
    this.range(9, 16, { file, offset: 16n * page, flags: shared })
      .read(every(4))
      .write([4, 5, 6, 7]);
    this.range(10, 8, { file, offset: 40n * page, flags: shared, prot: 'PROT_READ' }).read([2]);
    this.range(11, 4, { file, offset: 62n * page, flags: shared }).read([0]);
    const shmem = this.file('memfd:fxshm', 64, 'shmem');
    this.range(12, 32, { file: shmem, flags: shared })
      .write(every(8))
      .read([8, 9, 10, 11])
      .write([12, 13, 14, 15])
      .advise('MADV_DONTNEED', 12, 4);
    this.range(13, 16, { file: shmem, flags: shared }).read([0, 4]);
    this.range(14, 16, { file: shmem, offset: 32n * page, flags: shared })
      .write(every(16))
      .advise('MADV_PAGEOUT', 0, 12);
    this.range(15, 16, { flags: `${shared}|MAP_ANONYMOUS` }).write(every(16, (index) => index % 3 === 0));
    this.range(40, 4, { file: this.file('secretmem', 4, 'secret'), flags: shared }).write([0, 1, 2]);
    this.range(41, 1, { file: this.file('mem', 1, 'device'), offset: 0xfed0_0000n, flags: shared, prot: 'PROT_READ' });
  }

  #huge(): void {
    this.range(16, 5 * huge)
      .advise('MADV_HUGEPAGE')
      .write([0])
      .read([huge])
      .write([2 * huge])
      .protect('PROT_READ', 2 * huge + 0x4c, 1)
      .write([4 * huge])
      .protect('PROT_NONE', 4 * huge);
    this.range(17, 2 * huge)
      .advise('MADV_HUGEPAGE', 0, huge)
      .write([0])
      .advise('MADV_DONTNEED', 100, 100)
      .write(every(2 * huge, (index) => index >= huge && (index - huge) % 3 === 0));
  }

  #swapped(): void {
    this.range(18, 64)
      .write(every(56))
      .advise('MADV_PAGEOUT', 0, 56)
      .read(every(48, (index) => index >= 40));
    this.range(19, 8).write(every(8)).advise('MADV_PAGEOUT').protect('PROT_NONE');
  }

  #userfaultfd(): void {
    this.range(42, 64)
      .write(every(32))
      .register()
      .writeProtect()
      .write(every(32, (index) => index % 4 === 0))
      .write(every(48, (index) => index >= 40))
      .advise('MADV_DONTNEED', 48, 4)
      .read([60]);
    this.range(43, 16)
      .register()
      .write(every(16, (index) => index % 2 === 0));
    this.range(44, 32, { file: this.file('memfd:fxuf', 32, 'shmem'), flags: 'MAP_SHARED|MAP_FIXED_NOREPLACE' })
      .write(every(16))
      .register()
      .writeProtect()
      .write([0, 1, 2, 3, 20, 21, 22, 23]);
    this.range(45, 2 * huge)
      .advise('MADV_HUGEPAGE')
      .write([0, huge])
      .register()
      .writeProtect()
      .write([huge + 0xbc]);
    this.range(46, huge).advise('MADV_HUGEPAGE').register().writeProtect();
    this.range(47, 16).write(every(16)).register().writeProtect().advise('MADV_PAGEOUT').write([12, 13, 14, 15]);
    this.range(48, 2 * huge, { flags: 'MAP_PRIVATE|MAP_FIXED_NOREPLACE|MAP_HUGETLB' })
      .write([0])
      .register()
      .writeProtect();
    this.range(49, 8)
      .write([0])
      .register('MISSING')
      .call('userfaultfd_poison', { from: 2, count: 1 })
      .call('userfaultfd_poison', { from: 5, count: 1 });
  }
}

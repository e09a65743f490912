/**
 * The facts that the engine tells, in the shapes that scripts, the debug adapter's custom requests and the views share
 * (the shapes of `--json`). Addresses and 64-bit values are text: `0x` and lower-case hexadecimal. Types only.
 */

import type { ClockFacts, LogEndFacts, MemoryMapPiece, NodeFacts } from './machine-state.ts';

/** `0x…`. */
export type Hex = string;

/** The answer of `info`: what machine, kernel and file the image is of, and how that was found out. */
export interface InfoFacts {
  readonly format: string;
  readonly compression: readonly string[];
  readonly architecture: string;
  readonly pagingLevels: number;
  readonly pageSize: number;
  readonly release: string | null;
  readonly kaslrOffset: Hex | null;
  readonly physBase: Hex | null;
  readonly pageOffset: Hex | null;
  readonly vmallocBase: Hex | null;
  readonly vmemmapBase: Hex | null;
  /** Physical address of the kernel's root table. */
  readonly pageTableRoot: Hex | null;
  readonly symbols: { readonly source: string; readonly count: number };
  readonly types: { readonly source: string | null };
  readonly cpus: number;
  readonly tasks: number | null;
  readonly modules: number | null;
  readonly memory: {
    readonly ranges: readonly { readonly start: Hex; readonly end: Hex }[];
    readonly bytes: number;
    readonly dumpLevel: number | null;
    readonly map: readonly MemoryMapPiece[];
    readonly nodes: readonly NodeFacts[];
  };
  readonly clock: ClockFacts;
  readonly log: LogEndFacts;
  readonly header: readonly { readonly name: string; readonly value: string }[];
  readonly evidence: readonly Evidence[];
  /** How page_offset_base can be deduced, method by method; empty where the architecture has none. */
  readonly pageOffsetMethods: readonly PageOffsetMethodFacts[];
  readonly warnings: readonly string[];
}

/** How a quantity was found; several methods for one quantity show whether they agree. */
export interface Evidence {
  readonly quantity: string;
  readonly value: Hex;
  readonly source: string;
}

/** One way to find the direct map's base, and what it gave. */
export interface PageOffsetMethodFacts {
  readonly method: string;
  readonly value: Hex | null;
  /** Whether it gives the base that is used; null where it gives none. */
  readonly agrees: boolean | null;
  readonly note: string | null;
}

/** One level of a translation, from the root down. */
export interface LevelFacts {
  readonly level: string;
  readonly tableAddress: Hex;
  readonly index: number;
  /** Lowest address bit of the index, and how many bits it has. */
  readonly shift: number;
  readonly indexBits: number;
  readonly entryAddress: Hex;
  readonly entry: Hex;
  readonly flags: readonly string[];
  /** What the entry by itself allows. */
  readonly rights: { readonly write: boolean; readonly execute: boolean; readonly user: boolean };
  readonly leaf: boolean;
  /** What is wrong with the entry, or with the page that it points to as a table; null where nothing is known to be. */
  readonly defect: string | null;
}

/** The answer of `vtop` for one address; levels that are folded away are left out. */
export interface TranslationFacts {
  readonly virtual: Hex;
  /** The register from which the hardware takes the root table; null where no table is walked. */
  readonly register: string | null;
  readonly physical: Hex | null;
  /** Of the page frame that holds the byte, in pages of the kernel's PAGE_SIZE; null where nothing is mapped. */
  readonly pfn: number | null;
  readonly pageSize: number;
  readonly levels: readonly LevelFacts[];
  readonly reason: string | null;
  readonly effective: {
    readonly write: boolean;
    readonly execute: boolean;
    readonly user: boolean;
    readonly writeLostAt: string | null;
    readonly executeLostAt: string | null;
    readonly userLostAt: string | null;
  } | null;
  readonly cacheType: string | null;
}

/** Addresses [start, end) that one line of a page-table dump tells. */
export interface PtdumpRegionFacts {
  readonly start: Hex;
  readonly end: Hex;
  readonly level: string;
  readonly attributes: readonly string[];
  readonly present: boolean;
}

/** A page-table dump without its text. */
export interface PtdumpFacts {
  readonly markers: readonly { readonly address: Hex; readonly name: string }[];
  readonly regions: readonly PtdumpRegionFacts[];
}

/** What one side of a change maps there. */
export interface PtdumpChangeSide extends PtdumpRegionFacts {
  /** Physical address of the change's first page; null where nothing is mapped, or where only text is known. */
  readonly physical: Hex | null;
}

/** A region that two page-table dumps do not have in common. */
export interface PtdumpChangeFacts {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly start: Hex;
  /** First address behind; `0x0` at the top of the address space. */
  readonly end: Hex;
  /** In this order, those that changed; `flags` is any other attribute. Of what is added or removed, `present` alone. */
  readonly what: readonly ('present' | 'rights' | 'frame' | 'cache' | 'size' | 'flags')[];
  readonly before: PtdumpChangeSide | null;
  readonly after: PtdumpChangeSide | null;
}

/** Two page-table dumps compared by address. Whatever maps nothing counts as the same, at any level. */
export interface PtdumpDiffFacts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** How many of the changes left memory both writable and executable that was not before. */
  readonly becameWritableExecutable: number;
  /** What was compared, in words. */
  readonly before: string;
  readonly after: string;
  /** Bits of an address. */
  readonly addressBits: 32 | 64;
  readonly changes: readonly PtdumpChangeFacts[];
  readonly warnings: readonly string[];
}

/** The answer of `identify` for one address. */
export interface IdentifyFacts {
  readonly address: Hex;
  /** Kind of the most specific detail. */
  readonly kind: string;
  /** One line that answers «what is it». */
  readonly summary: string;
  /** Most specific first. Each has `kind` and a `summary`, and fields of its kind. */
  readonly details: readonly IdentifyDetail[];
}

/** One thing that is known of an address; fields beside these depend on `kind`. */
export interface IdentifyDetail {
  readonly kind: string;
  readonly summary: string;
  readonly [field: string]: unknown;
}

/** What an address is, and how it is mapped. */
export interface ExplainedFacts {
  readonly identify: IdentifyFacts;
  readonly walk: TranslationFacts;
}

/** A symbol of the kernel or of a module; `offset` is what the address that was asked for lies behind it, in bytes. */
export interface SymbolFacts {
  readonly name: string;
  readonly address: Hex;
  readonly type: string;
  readonly size: number;
  readonly module: string | null;
  readonly offset: number;
}

/** A run of equal entries of one table. */
export interface TableEntryFacts {
  /** First index of the run, and how many equal entries follow each other (equal: same kind, flags, and consecutive targets or all none). */
  readonly index: number;
  readonly count: number;
  /** First virtual address that the run covers, and the first behind it. */
  readonly start: Hex;
  readonly end: Hex;
  readonly entryAddress: Hex;
  readonly entry: Hex;
  readonly kind: 'none' | 'table' | 'leaf' | 'notPresent' | 'malformed';
  readonly flags: readonly string[];
  /** Physical address of the next table or of the mapped memory. */
  readonly target: Hex | null;
  /** Why an entry is notPresent or malformed, what is wrong with it, or why its table cannot be read. */
  readonly explanation: string | null;
}

/** One page table with all of its entries. */
export interface TableFacts {
  readonly level: string;
  readonly tableAddress: Hex;
  readonly virtualBase: Hex;
  readonly entries: readonly TableEntryFacts[];
  /** Set when the table itself cannot be read. */
  readonly unreadable: string | null;
}

/** One virtual address that maps a physical one. */
export interface ReverseMappingFacts {
  readonly virtual: Hex;
  /** Whose page table: `kernel`, `efi` or a PID, as `--mm` takes it. */
  readonly mm: string;
  /** Whether it stands only in the half that user mode sees (page-table isolation). */
  readonly user: boolean;
  /** Name of the process; null for the kernel and the firmware. */
  readonly comm: string | null;
  /** Level of the entry; null in a direct window of the hardware, which no table maps. */
  readonly level: string | null;
  readonly pageSize: number;
  readonly entryAddress: Hex | null;
  readonly entry: Hex | null;
  readonly flags: readonly string[];
  /** False where the entry keeps its frame and allows no access (PROT_NONE). */
  readonly present: boolean;
  /** Rights over all levels; null where the entry allows no access. */
  readonly rights: { readonly write: boolean; readonly execute: boolean; readonly user: boolean } | null;
  /** What `identify` says of the virtual address. */
  readonly what: { readonly kind: string; readonly summary: string };
}

/** The answer of `ptov`: who maps each physical address. */
export interface ReverseMapFacts {
  readonly results: readonly {
    readonly physical: Hex;
    /** The kernel's first, then each process's, ascending. */
    readonly mappings: readonly ReverseMappingFacts[];
    /** Addresses that there are: more than `mappings` where they are too many to tell. */
    readonly total: number;
  }[];
  /** Page tables that were searched, each once however often it is used. */
  readonly tables: number;
  readonly warnings: readonly string[];
}

/** Something wrong in page tables or in what the kernel keeps of them. */
export interface FindingFacts {
  readonly kind: 'writable-executable' | 'wild-table' | 'table-loop' | 'reserved-bits' | 'root-out-of-sync' | 'vmalloc-inconsistent';
  /** First address that it concerns. */
  readonly virtual: Hex;
  /** First address behind; `0x0` at the top of the address space. */
  readonly end: Hex;
  /** Physical address of the entry, and what stands there. */
  readonly entryAddress: Hex;
  readonly entry: Hex;
  /** The level whose entry it is. */
  readonly level: string;
  /** Whose page table: `kernel`, `efi`, a PID or a root's address, as `--mm` takes it. What several share is told once. */
  readonly mm: string;
  /** Whether it stands in the half that user mode sees (page-table isolation). */
  readonly user: boolean;
  /** Name of the process; null for the kernel and the firmware. */
  readonly comm: string | null;
  /** In a few words, what is wrong with the entry. */
  readonly reason: string;
  /** The same with the entry: a phrase that can stand alone. */
  readonly message: string;
  /** What the address belongs to; null where that says nothing of the finding. */
  readonly owner: { readonly kind: string; readonly summary: string } | null;
}

/** The answer of `check`, with what it covered. */
export interface FindingsFacts {
  /** The kernel's first, then the firmware's and each process's, ascending by address. */
  readonly findings: readonly FindingFacts[];
  /** Distinct page tables that were read, under so many roots. */
  readonly tables: number;
  readonly spaces: number;
  /**
   * Pages that the kernel's own check (CONFIG_DEBUG_WX) counts as writable and executable, with what it is blind to; null
   * where it was not asked for or the architecture has none.
   */
  readonly debugWx: { readonly pages: number; readonly note: string | null } | null;
  /** Whether processes' copies of the kernel's entries were compared, and with what or why not; null where that failed. */
  readonly rootSync: { readonly applies: boolean; readonly reason: string } | null;
  /** What could not be checked. */
  readonly warnings: readonly string[];
}

/** Pages of RAM by category, each counted once, by the first of makedumpfile's tests that it meets. */
export interface PageCategoriesFacts {
  /** Pages of RAM that the kernel's memory map reaches: those of all categories, hwpoison, offline and holes. */
  readonly total: number;
  /** Pages whose struct page is missing from the dump, so that their category is not known. */
  readonly holes: number;
  readonly categories: {
    /** Filled with zeros, and of no other excludable category. */
    readonly zero: number;
    /** Page cache (and swap cache) without PG_private. */
    readonly cache: number;
    readonly cachePrivate: number;
    /** Anonymous memory and huge pages of hugetlbfs. */
    readonly user: number;
    readonly free: number;
    /** What no dump level leaves out. */
    readonly kernel: number;
  };
  /** Left out at every dump level, and not in makedumpfile's table. */
  readonly hwpoison: number;
  readonly offline: number;
  /** Bytes. */
  readonly pageSize: number;
  /** Frames below the end of the memory map that are no RAM (makedumpfile's «Memory Hole»). */
  readonly memoryHoles: number;
  readonly warnings: readonly string[];
}

/** One address space that can be chosen. */
export interface AddressSpaceFacts {
  /** What `--mm` takes: `kernel`, `efi`, a PID. */
  readonly id: string;
  readonly label: string;
  readonly root: Hex;
  readonly userRoot: Hex | null;
}

/** A row of `ps`; addresses are those of the task_struct, mm_struct, root table and stack. */
export interface TaskFacts {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  readonly task: Hex;
  readonly mm: Hex | null;
  readonly pgd: Hex | null;
  readonly stack: Hex | null;
  readonly cpu: number | null;
  /** PID of the parent process; 0 for the first. */
  readonly ppid: number;
  /** As /proc/PID/stat has it: R, S, D, T, t, X, Z, P or I. */
  readonly state: string;
  /** As /proc/PID/comm has it: `comm`, or the whole name of a kernel thread with what a worker last did. */
  readonly name: string;
  /** Virtual and resident memory, in KiB; null where the task has no address space, or it cannot be read. */
  readonly vsz: number | null;
  readonly rss: number | null;
}

/** Entries of /proc/PID/pagemap. */
export interface PagemapFacts {
  readonly pid: number;
  readonly comm: string;
  readonly pageSize: number;
  /** Ascending; `count` pages from `address` on have the same entry. */
  readonly entries: readonly { readonly address: Hex; readonly count: number; readonly entry: Hex }[];
  /** Pages whose entries the dump does not tell. */
  readonly missing: readonly { readonly start: Hex; readonly end: Hex; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/**
 * struct pm_scan_arg. Masks and flags are names joined by `|` (`PRESENT|HUGE`, `WP_MATCHING`) or numbers; other values are
 * `0x…` or decimal.
 */
export interface PagemapScanRequest {
  readonly pid: number;
  /** 0 by default. */
  readonly start?: string | undefined;
  /** The end of what a process can have, by default. */
  readonly end?: string | undefined;
  readonly categoryMask?: string | undefined;
  readonly categoryInverted?: string | undefined;
  readonly categoryAnyofMask?: string | undefined;
  /** All categories by default. */
  readonly returnMask?: string | undefined;
  readonly flags?: string | undefined;
  /** No limit by default. */
  readonly maxPages?: string | undefined;
  /** Room for as many regions as are told at most, by default. 0 asks for none. */
  readonly vecLen?: string | undefined;
  /** False for a null pointer. */
  readonly vec?: boolean | undefined;
  /** Bytes of the structure: 96 by default. */
  readonly size?: string | undefined;
}

/** What PAGEMAP_SCAN answers. `errno` and `message` are there only where it fails. */
export interface PagemapScanFacts {
  /** Number of regions, or -1. */
  readonly return: number;
  readonly errno?: string;
  readonly message?: string;
  /** Null where the kernel writes none back. */
  readonly walkEnd: Hex | null;
  readonly regions: readonly { readonly start: Hex; readonly end: Hex; readonly categories: readonly string[] }[];
  /** What WP_MATCHING would have write-protected; the dump is not changed. */
  readonly protects: readonly { readonly start: Hex; readonly end: Hex }[];
  readonly missing: readonly { readonly start: Hex; readonly end: Hex; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/** The areas of a process's address space, as /proc/PID/maps tells them. */
export interface MapsFacts {
  readonly pid: number;
  readonly comm: string;
  readonly areas: readonly {
    readonly start: Hex;
    readonly end: Hex;
    /** `rwxp`. */
    readonly rights: string;
    /** In the file, in bytes. */
    readonly offset: Hex;
    readonly device: string;
    readonly inode: Hex;
    /** The file's path, `[heap]` …; null where maps prints none. */
    readonly name: string | null;
    readonly vma: Hex;
    readonly vmFlags: Hex;
    /** The line of /proc/PID/maps. */
    readonly text: string;
  }[];
  /** What could not be read, one sentence each. */
  readonly warnings: readonly string[];
}

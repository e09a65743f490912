/**
 * Everything that a face (debug adapter, command line, later a language server) may ask of one opened image, in the
 * field's words and none of a protocol's. Facts are in the shapes of protocol/facts.ts. Every method may throw
 * `UserError` (show its message) or `Cancelled`; anything else is a defect.
 */
import type { Address, PhysAddr } from '../base/address.ts';
import type { CancellationToken, LongWork } from '../base/cancellation.ts';
import type { ExpressionContext } from '../expression/value.ts';
import type { CpuState } from '../image/image.ts';
import type { KcoreRead } from '../kernel/vmalloc/vread-kcore.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Hole, MemoryRead } from '../memory/hole.ts';
import type { ScanState } from '../memory/memory-scan.ts';
import type { WrittenPiece } from '../memory/written-memory.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import type {
  AddressSpaceFacts,
  FindingsFacts,
  Hex,
  IdentifyFacts,
  InfoFacts,
  MapsFacts,
  PageCategoriesFacts,
  PagemapFacts,
  PagemapScanFacts,
  PagemapScanRequest,
  PtdumpFacts,
  ReverseMapFacts,
  SymbolFacts,
  TableFacts,
  TaskFacts,
  TranslationFacts,
} from '../protocol/facts.ts';
import type { VmallocAreaFacts, VmallocCountFacts, VmallocFacts, VmallocPagesFacts, VmallocPartFacts } from '../protocol/vmalloc.ts';
import type { TypeLayoutFacts } from '../protocol/memory-pages.ts';
import type { CpuFacts, DeathFacts, LogFacts, StackFacts } from '../protocol/stacks.ts';
import type { CountedList, PtdumpLine } from '../protocol/requests.ts';
import type { SearchFacts, SearchHit, SearchPatternFacts, SearchPatternQuestion, SearchQuestion } from '../protocol/search.ts';
import type { SymbolTable } from '../symbols/symbol-table.ts';
import type { TypeTable } from '../symbols/types.ts';
import type { FilteredPart, ListPart } from './list-part.ts';
import type { VmallocQuestion, VmallocStream } from './vmalloc-facts.ts';
import type { MemoryPages, MemoryPagesOptions } from './memory-pages.ts';
import type { OpenFiles } from './open-files.ts';
import type { ExpressionPlace } from './expression-world.ts';
import type { StackChoice } from './stack-facts.ts';

/** Names an address space: `kernel` (the default), `efi`, a PID in decimal, or the physical address of a root table in hex. */
export type SpaceName = string;

/** Which tables a page-table dump is of, and which of its lines are wanted. */
export interface PtdumpOptions extends LongWork {
  readonly mm?: SpaceName | undefined;
  /** The half that user mode sees (page-table isolation). */
  readonly user?: boolean | undefined;
  /** Lines of unmapped ranges too, on architectures whose kernel leaves them out. */
  readonly holes?: boolean | undefined;
  readonly range?: { readonly start: Address; readonly end: Address } | undefined;
}

/** Which page tables are searched, how to stop, and who hears how far it is. */
export interface ReverseMapOptions extends LongWork {
  /** Every page table that the dump holds, not the kernel's alone. */
  readonly all?: boolean | undefined;
}

/** How to stop a search, and who hears of it while it runs. */
export interface SearchOptions extends LongWork {
  /** Hears each hit as it is found. */
  readonly found?: ((hit: SearchHit) => void) | undefined;
}

/** Which address spaces are checked, how to stop, and who hears how far it is. */
export interface FindingsOptions extends LongWork {
  /** One address space; all of them by default. */
  readonly mm?: SpaceName | undefined;
}

/** Which addresses of the process are told; all that have mappings without a range. */
export interface PagemapOptions {
  readonly range?: { readonly start: Address; readonly end: Address } | undefined;
  readonly token?: CancellationToken | undefined;
}

/** Everything that a face may ask of an opened image, in the shapes of protocol/; what faces are written against. */
export interface SessionFace {
  /** How far the image's memory was searched for its kernel, and what was found: for who opens the same image elsewhere. */
  readonly scanned: ScanState;
  /** Path(s) of the image. */
  readonly name: string;
  /** The files behind it, to be asked before an answer is given. */
  readonly files: OpenFiles;
  readonly architecture: string;
  readonly symbols: SymbolTable;
  readonly types: TypeTable | undefined;
  /** CPUs as the notes tell; may be empty. */
  readonly cpus: readonly CpuState[];

  /** What the image is, each fact with how it was found; what is missing is null with a warning. */
  info(): InfoFacts;
  /** The note's text; throws when the dump has none. */
  vmcoreinfoText(): string;
  /** The spaces that `mm` can name: the kernel's, the firmware's, each process's. */
  addressSpaces(part?: FilteredPart): readonly AddressSpaceFacts[];
  /** The entries of a list one by one, by the names that `--mm` and other questions take. Each is read when it is come to. */
  listed(list: CountedList): Iterable<{ readonly id: string }>;
  /** What expressions may refer to, in an address space and at a CPU or task. */
  expressions(mm: SpaceName | undefined, place: ExpressionPlace): ExpressionContext;
  /** Memory as seen through `mm`. */
  memory(mm?: SpaceName): AddressSpace;
  /** `length` bytes as seen through `mm`; what is missing is a hole with its reason. */
  readVirtual(address: Address, length: number, mm?: SpaceName): MemoryRead;
  /** The same for who reads much and keeps little: fills all of `bytes`, with zeros where there are holes. */
  readVirtualInto(address: Address, bytes: Uint8Array, mm?: SpaceName): readonly Hole[];
  /** `length` bytes from a physical byte address on; what is missing is a hole with its reason. */
  readPhysical(address: PhysAddr, length: number): MemoryRead;
  /** The pages of a range with their bytes, to the end of the space at most. */
  memoryPages(address: Address, count: number, options: MemoryPagesOptions): MemoryPages;
  /** The members of a type. Throws `UserError` where there is none of this name. */
  typeLayout(type: string): TypeLayoutFacts;
  /** What the kernel's own /proc/kcore would have given, and where memory holds something else. */
  readAsKcore(address: Address, length: number): KcoreRead;
  /** The walk of `address` through `mm`, level by level, and why it ends where it does. */
  translate(address: Address, mm?: SpaceName): TranslationFacts;
  /** What `address` is, the most telling detail first. */
  identify(address: Address, mm?: SpaceName): IdentifyFacts;
  /** What the memory at a physical address is used for, and who maps it. */
  identifyPhysical(address: PhysAddr): IdentifyFacts;
  /**
   * The entries of one table: the root's by default, else of the table at `tableAddress` (physical) at `level`, whose first
   * entry maps `virtualBase`.
   */
  tableEntries(options: {
    readonly mm?: SpaceName | undefined;
    readonly user?: boolean | undefined;
    readonly tableAddress?: Hex | undefined;
    readonly level?: string | undefined;
    readonly virtualBase?: Hex | undefined;
  }): TableFacts;
  /** The tables behind a dump of the same options. */
  pageTable(options: Pick<PtdumpOptions, 'mm' | 'user'>): PageTable;
  /** Lines of the kernel's own text, with the region behind each. */
  ptdumpLines(options: PtdumpOptions): readonly PtdumpLine[];
  /** The dump's lines as the kernel's text, with the warnings that belong to them. */
  ptdump(options: PtdumpOptions): PtdumpFacts;
  /** Every virtual address that maps each of `addresses`. The first call reads all page tables. */
  reverseMap(addresses: readonly PhysAddr[], options: ReverseMapOptions): ReverseMapFacts;
  /** Where a pattern stands in memory. */
  search(asked: SearchQuestion, options: SearchOptions): SearchFacts;
  /** How a pattern would be understood. Throws `UserError` for one that is none. */
  searchPattern(asked: SearchPatternQuestion): SearchPatternFacts;
  /** What is wrong in page tables. Reads all of them. */
  findings(options: FindingsOptions): FindingsFacts;
  /** How many pages of RAM are of each of makedumpfile's categories. Reads all of them. */
  pageCategories(options: LongWork): PageCategoriesFacts;
  /** Every area with its state (busy, lazy, purging, pooled, free), and the vmap_blocks with their queues and counters. */
  vmalloc(): VmallocFacts;
  /** The same, each list made while it is gone through. */
  vmallocStream(): VmallocStream;
  /** A part of one list of areas. Those in use come by address: those behind the part are not read, unless a kind is asked for. */
  vmallocPart(asked: VmallocQuestion): VmallocPartFacts;
  /** The busy area that holds `address`; undefined where none does. */
  vmallocArea(address: Address): VmallocAreaFacts | undefined;
  /** How many areas there are, and of which kinds. Reads them all. */
  vmallocCount(): VmallocCountFacts;
  /** The frames behind the busy area that holds `address`; throws when none does. */
  vmallocPages(address: Address): VmallocPagesFacts;
  /** The text of /proc/vmallocinfo, each line ended by a newline. */
  vmallocinfoText(): string;
  /** The same line by line. */
  vmallocinfoLines(): Iterable<string>;
  /** Every process followed by its other threads, without the idle tasks; or a part of that list, for which those behind are not read. */
  tasks(part?: ListPart): readonly TaskFacts[];
  /** The first `most` tasks by number and name, of which nothing else is read. */
  firstTasks(most: number): readonly { readonly pid: number; readonly comm: string }[];
  /** /proc/PID/maps. */
  maps(pid: number): MapsFacts;
  /** The kernel log, oldest record first. */
  log(): LogFacts;
  /** The kernel log as dmesg(1) prints it; with `levels` as the kernel's syslog gives it. */
  logText(options: { readonly levels: boolean }): string;
  /** Why the kernel died, by its log; null where it did not or has none. */
  death(): DeathFacts | null;
  /** /proc/PID/pagemap; without a range, of the process's memory areas. */
  pagemap(pid: number, options: PagemapOptions): PagemapFacts;
  /** The PAGEMAP_SCAN ioctl, which changes nothing here. */
  pagemapScan(request: PagemapScanRequest, token?: CancellationToken): PagemapScanFacts;
  /** The CPUs that ran, ascending. */
  cpuFacts(): readonly CpuFacts[];
  /** Kernel stacks, innermost frame first. */
  stacks(choice: StackChoice): readonly StackFacts[];
  /** The task that a CPU was running when the dump was taken; undefined when it cannot be told. */
  currentTask(cpu: number): { readonly pid: number; readonly comm: string } | undefined;
  /** Symbols of this exact name, or names by `prefix*`. */
  findSymbols(name: string, limit: number): readonly SymbolFacts[];
  /** The symbol of the kernel or a module that `address` lies in; undefined where there is none. */
  resolveSymbol(address: Address): SymbolFacts | undefined;
  /** What is known to be wrong with the image, so far. */
  warnings(): readonly string[];
  /** The loaded modules and where their memory lies, newest first. */
  modules(): readonly {
    readonly name: string;
    readonly address: Hex;
    readonly ranges: readonly { readonly start: Hex; readonly end: Hex; readonly kind: string }[];
  }[];
  /** The same image as if these bytes stood in its memory; this session is over. What is not there cannot be written. */
  written(pieces: readonly WrittenPiece[]): SessionFace;
  /** Closes the image; nothing may be asked after. */
  close(): void;
}

/** What a launch configuration or the command line says about an image. */
export interface OpenOptions extends LongWork {
  /** One file, or the members of a split set. */
  readonly paths: readonly string[];
  readonly symbols?: string | undefined;
  readonly types?: string | undefined;
  readonly vmlinux?: string | undefined;
  /** Says that the image is raw memory, and where it lay: image/raw.ts parseRawRanges. */
  readonly base?: string | undefined;
  /** Most bytes of decompressed pages that are kept; a default fits most dumps. */
  readonly cacheBytes?: number | undefined;
  /** What a search of the image's memory for its kernel has found elsewhere (kernel/landmarks.ts). */
  readonly scanned?: ScanState | undefined;
}

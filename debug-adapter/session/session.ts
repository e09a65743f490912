/** One opened image: the questions that faces ask, answered from the kernel floor in the shapes of protocol/facts.ts. */
import { addToAddress, formatAddress, parseAddress, toAddress, toPhysAddr } from '../base/address.ts';
import type { Address, PhysAddr } from '../base/address.ts';
import { neverCancelled } from '../base/cancellation.ts';
import type { CancellationToken, LongWork } from '../base/cancellation.ts';
import { errors } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { limits } from '../base/limits.ts';
import type { ExpressionContext } from '../expression/value.ts';
import type { CpuState, Image } from '../image/image.ts';
import { currentTask } from '../kernel/processes/current-task.ts';
import { identify, identifyPhysical } from '../kernel/identify/identify.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Landmarks } from '../kernel/opening/landmarks.ts';
import { modules } from '../kernel/modules/module.ts';
import { allTypes } from '../kernel/modules/module-types.ts';
import { openKernel } from '../kernel/opening/open-kernel.ts';
import { explainExcluded } from '../kernel/pages/page-category-frame.ts';
import { findVmapArea } from '../kernel/vmalloc/vmap-area.ts';
import { vmallocinfo, vmallocinfoLines } from '../kernel/vmalloc/vmallocinfo.ts';
import { readAsKcore } from '../kernel/vmalloc/vread-kcore.ts';
import type { KcoreRead } from '../kernel/vmalloc/vread-kcore.ts';
import { firstTasks } from '../kernel/processes/task.ts';
import type { Task } from '../kernel/processes/task.ts';
import { AddressSpace } from '../memory/address-space.ts';
import type { Hole, MemoryRead } from '../memory/hole.ts';
import type { ScanState } from '../memory/memory-scan.ts';
import { frameSize, readPhysical } from '../memory/physical-memory.ts';
import { WrittenMemory } from '../memory/written-memory.ts';
import type { WrittenPiece } from '../memory/written-memory.ts';
import type { PageTable } from '../pagetable/page-table.ts';
import { tableEntries } from '../pagetable/table-entries.ts';
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
} from '../protocol/facts.ts';
import type { VmallocAreaFacts, VmallocCountFacts, VmallocFacts, VmallocPagesFacts, VmallocPartFacts } from '../protocol/vmalloc.ts';
import type { TypeLayoutFacts } from '../protocol/memory-pages.ts';
import type { CpuFacts, DeathFacts, LogFacts, StackFacts } from '../protocol/stacks.ts';
import type { CountedList, PtdumpLine } from '../protocol/requests.ts';
import type { SearchFacts, SearchPatternFacts, SearchPatternQuestion, SearchQuestion } from '../protocol/search.ts';
import type { KernelSymbol } from '../symbols/symbol-table.ts';
import type { TypeTable } from '../symbols/types.ts';
import { expressionWorld } from './expression-world.ts';
import type { ExpressionPlace } from './expression-world.ts';
import { findingsFacts } from './findings-facts.ts';
import { infoFacts } from './info-facts.ts';
import { deathFacts, logFacts, logTextOf } from './log-facts.ts';
import { memoryPages } from './memory-pages.ts';
import type { MemoryPages, MemoryPagesOptions } from './memory-pages.ts';
import { pageCategoriesFacts } from './page-categories-facts.ts';
import { pagemapFacts, pagemapScanFacts } from './pagemap-facts.ts';
import { ptdumpLines } from './ptdump-text.ts';
import { openAs, OpenedImage } from './opened-image.ts';
import type { OpenedParts } from './opened-image.ts';
import { ReverseMaps } from './reverse-map-facts.ts';
import { search, searchPatternFacts } from './search.ts';
import type {
  FindingsOptions,
  OpenOptions,
  PagemapOptions,
  PtdumpOptions,
  ReverseMapOptions,
  SearchOptions,
  SessionFace,
  SpaceName,
} from './session-face.ts';
import { eachTask, mapsFacts, taskFacts } from './task-facts.ts';
import type { FilteredPart, ListPart } from './list-part.ts';
import { cpuFacts, stackFacts } from './stack-facts.ts';
import type { StackChoice } from './stack-facts.ts';
import { typeLayoutFacts } from './type-layout-facts.ts';
import { vmallocAreaFacts, vmallocCountFacts, vmallocFacts, vmallocPagesFacts, vmallocPartFacts, vmallocStream } from './vmalloc-facts.ts';
import type { VmallocQuestion, VmallocStream } from './vmalloc-facts.ts';

/** Opens an image. Throws `UserError` for an image or options that cannot be used. */
export function openSession(host: Host, options: OpenOptions): Session {
  return openAs((image, kernel, from) => new Session(image, kernel, from), host, options);
}

/** Opened with `openSession`; subjects are read when they are first asked for, and kept. */
export class Session extends OpenedImage implements SessionFace {
  readonly #reverseMaps: ReverseMaps;
  readonly #memories = new Map<string, AddressSpace>();

  constructor(image: Image, kernel: Kernel, from: OpenedParts = {}) {
    super(image, kernel, from);
    this.#reverseMaps = new ReverseMaps(kernel, this.spaces);
  }

  get name(): string {
    return this.image.name;
  }

  get architecture(): string {
    return this.kernel.machine.architecture;
  }

  get types(): TypeTable | undefined {
    return allTypes(this.kernel);
  }

  get scanned(): ScanState {
    return this.landmarks.state;
  }

  get cpus(): readonly CpuState[] {
    return this.image.cpus;
  }

  info(): InfoFacts {
    const facts = infoFacts(this.kernel);
    return { ...facts, warnings: [...facts.warnings, ...this.files.check()] };
  }

  vmcoreinfoText(): string {
    if (this.kernel.vmcoreinfo === undefined) {
      throw errors.notSupported(
        `${this.name}: has no VMCOREINFO, neither in its notes nor in memory; see what was found instead with: pagewalk info`,
      );
    }
    return this.kernel.vmcoreinfo.text;
  }

  addressSpaces(part?: FilteredPart): readonly AddressSpaceFacts[] {
    return this.spaces.all(part);
  }

  listed(list: CountedList): Iterable<{ readonly id: string }> {
    return list === 'tasks' ? eachTask(this.kernel) : this.spaces.each();
  }

  memory(mm?: SpaceName): AddressSpace {
    const space = this.spaces.get(mm, { user: false });
    if (space.pageTable === this.kernel.root.pageTable) return this.kernel.memory;
    const known = this.#memories.get(space.id);
    if (known !== undefined) return known;
    const { littleEndian, pointerSize, physical } = this.kernel.memory;
    const memory = new AddressSpace(physical, space.pageTable, { littleEndian, pointerSize });
    this.#memories.set(space.id, memory);
    return memory;
  }

  expressions(mm: SpaceName | undefined, place: ExpressionPlace): ExpressionContext {
    const { symbols, types } = this;
    return expressionWorld(
      this.kernel,
      {
        memory: this.memory(mm),
        symbols,
        types,
        questions: {
          translate: (address) => this.translate(address, mm),
          identify: (address) => this.identify(address, mm),
          identifyPhysical: (address) => this.identifyPhysical(address),
          ptdump: (range) => this.ptdumpLines({ mm, range }),
        },
      },
      place,
    );
  }

  readVirtual(address: Address, length: number, mm?: SpaceName): MemoryRead {
    checkReadLength(length);
    const memory = this.memory(mm);
    const { bytes, holes } = memory.read(address, length);
    return { bytes, holes: this.#explained(address, { memory, holes }) };
  }

  readVirtualInto(address: Address, bytes: Uint8Array, mm?: SpaceName): readonly Hole[] {
    checkReadLength(bytes.length);
    const memory = this.memory(mm);
    return this.#explained(address, { memory, holes: memory.readInto(address, bytes) });
  }

  #explained(address: Address, { memory, holes }: { readonly memory: AddressSpace; readonly holes: readonly Hole[] }): readonly Hole[] {
    if (holes.length === 0) return holes;
    const frameOf = (offset: number): number => memory.frameOf(Number(addToAddress(address, offset) >> 12n));
    return explainExcluded(this.kernel, holes, { start: address, frameOf });
  }

  readPhysical(address: PhysAddr, length: number): MemoryRead {
    checkReadLength(length);
    const frameOf = (offset: number): number => Math.floor((address + offset) / frameSize);
    const { bytes, holes } = readPhysical(this.kernel.physical, address, length);
    return { bytes, holes: explainExcluded(this.kernel, holes, { start: address, frameOf }) };
  }

  memoryPages(address: Address, count: number, options: MemoryPagesOptions): MemoryPages {
    return memoryPages(this, { address, count, pageSize: this.kernel.pageSize, ram: this.kernel.physical.ranges }, options);
  }

  typeLayout(type: string): TypeLayoutFacts {
    return typeLayoutFacts(this.types, type);
  }

  readAsKcore(address: Address, length: number): KcoreRead {
    checkReadLength(length);
    return readAsKcore(this.kernel, address, length);
  }

  identify(address: Address, mm?: SpaceName): IdentifyFacts {
    const space = this.spaces.get(mm, { user: false });
    return identify(this.kernel, address, { pageTable: space.pageTable, task: space.task });
  }

  identifyPhysical(address: PhysAddr): IdentifyFacts {
    return identifyPhysical(this.kernel, address);
  }

  tableEntries(options: Parameters<SessionFace['tableEntries']>[0]): TableFacts {
    const space = this.spaces.get(options.mm, { user: options.user === true });
    return tableEntries(space.pageTable, {
      tableAddress: options.tableAddress === undefined ? undefined : needPhysical('tableAddress', options.tableAddress),
      level: options.level,
      virtualBase: options.virtualBase === undefined ? undefined : toAddress(needHex('virtualBase', options.virtualBase)),
    });
  }

  pageTable(options: Pick<PtdumpOptions, 'mm' | 'user'>): PageTable {
    return this.spaces.get(options.mm, { user: options.user === true }).pageTable;
  }

  ptdumpLines(options: PtdumpOptions): readonly PtdumpLine[] {
    const space = this.spaces.get(options.mm, { user: options.user === true });
    return ptdumpLines(this.kernel, space, options);
  }

  ptdump(options: PtdumpOptions): PtdumpFacts {
    const lines = this.ptdumpLines(options);
    const markers: { address: Hex; name: string }[] = [];
    const regions: PtdumpFacts['regions'][number][] = [];
    for (const line of lines) {
      if (line.region !== null) regions.push(line.region);
      else {
        const name = /^---\[ (.*) \]---$/.exec(line.text)?.[1];
        if (name !== undefined) markers.push({ address: line.marker ?? '0x0', name });
      }
    }
    return { markers, regions };
  }

  reverseMap(addresses: readonly PhysAddr[], options: ReverseMapOptions): ReverseMapFacts {
    return this.#reverseMaps.facts(addresses, options);
  }

  search(asked: SearchQuestion, options: SearchOptions): SearchFacts {
    return search(this.kernel, this.spaces, asked, options);
  }

  searchPattern(asked: SearchPatternQuestion): SearchPatternFacts {
    return searchPatternFacts(this.kernel, asked);
  }

  findings(options: FindingsOptions): FindingsFacts {
    return findingsFacts(this.kernel, this.spaces, options);
  }

  pageCategories(options: LongWork): PageCategoriesFacts {
    return pageCategoriesFacts(this.kernel, options);
  }

  vmalloc(): VmallocFacts {
    return vmallocFacts(this.kernel);
  }

  vmallocPages(address: Address): VmallocPagesFacts {
    return vmallocPagesFacts(this.kernel, address);
  }

  vmallocStream(): VmallocStream {
    return vmallocStream(this.kernel);
  }

  vmallocPart(asked: VmallocQuestion): VmallocPartFacts {
    return vmallocPartFacts(this.kernel, asked);
  }

  vmallocArea(address: Address): VmallocAreaFacts | undefined {
    const area = findVmapArea(this.kernel, address);
    return area === undefined ? undefined : vmallocAreaFacts(this.kernel, area);
  }

  vmallocCount(): VmallocCountFacts {
    return vmallocCountFacts(this.kernel);
  }

  vmallocinfoText(): string {
    return vmallocinfo(this.kernel);
  }

  vmallocinfoLines(): Iterable<string> {
    return vmallocinfoLines(this.kernel);
  }

  tasks(part?: ListPart): readonly TaskFacts[] {
    return taskFacts(this.kernel, part);
  }

  firstTasks(most: number): readonly Task[] {
    return firstTasks(this.kernel, most);
  }

  maps(pid: number): MapsFacts {
    return mapsFacts(this.kernel, pid);
  }

  log(): LogFacts {
    return logFacts(this.kernel);
  }

  logText(options: { readonly levels: boolean }): string {
    return logTextOf(this.kernel, options);
  }

  death(): DeathFacts | null {
    return deathFacts(this.kernel);
  }

  pagemap(pid: number, options: PagemapOptions): PagemapFacts {
    return pagemapFacts(this.kernel, this.spaces, { pid, ...options });
  }

  pagemapScan(request: PagemapScanRequest, token: CancellationToken = neverCancelled): PagemapScanFacts {
    return pagemapScanFacts(this.kernel, this.spaces, { request, token });
  }

  cpuFacts(): readonly CpuFacts[] {
    return cpuFacts(this.kernel);
  }

  stacks(choice: StackChoice): readonly StackFacts[] {
    return stackFacts(this.kernel, choice);
  }

  currentTask(cpu: number): { readonly pid: number; readonly comm: string } | undefined {
    return currentTask(this.kernel, cpu);
  }

  findSymbols(name: string, limit: number): readonly SymbolFacts[] {
    const table = this.symbols;
    if (table.count === 0) throw errors.noSymbols('looking up a symbol');
    const found = name.endsWith('*') ? table.withPrefix(name.slice(0, -1), limit) : table.findAll(name).slice(0, limit);
    return found.map((symbol) => symbolFacts(symbol, 0));
  }

  resolveSymbol(address: Address): SymbolFacts | undefined {
    const hit = this.symbols.resolve(address);
    return hit === undefined ? undefined : symbolFacts(hit.symbol, hit.offset);
  }

  modules(): ReturnType<SessionFace['modules']> {
    return modules(this.kernel).map((module) => ({
      name: module.name,
      address: formatAddress(module.address),
      ranges: module.memory.map((part) => ({ start: formatAddress(part.start), end: formatAddress(part.end), kind: part.kind })),
    }));
  }

  written(pieces: readonly WrittenPiece[]): Session {
    const image = { ...this.image, memory: new WrittenMemory(this.image.memory, pieces) };
    const landmarks = new Landmarks(image.memory, { known: this.landmarks.state });
    return new Session(image, openKernel(image, this.outside, landmarks), { landmarks, outside: this.outside, files: this.files });
  }
}

function symbolFacts(symbol: KernelSymbol, offset: number): SymbolFacts {
  return {
    name: symbol.name,
    address: formatAddress(symbol.address),
    type: symbol.type,
    size: symbol.size,
    module: symbol.module ?? null,
    offset,
  };
}

function checkReadLength(length: number): void {
  if (!Number.isSafeInteger(length) || length < 0) throw errors.badArgument(`a length is a whole number of bytes, not ${length}`);
  if (length > limits.readBytes) {
    throw errors.limit(`${length} bytes are more than one read gives (${limits.readBytes}); read in parts`);
  }
}

function needPhysical(name: string, text: Hex): PhysAddr {
  const value = needHex(name, text);
  if (value >= 1n << 53n) throw errors.badArgument(`${name} is no physical address: ${text}; they lie below 2^53`);
  return toPhysAddr(value);
}

function needHex(name: string, text: Hex): bigint {
  const value = parseAddress(text);
  if (value === undefined) throw errors.badArgument(`${name} is not an address: ${text}; write 0x and hexadecimal digits`);
  return value;
}

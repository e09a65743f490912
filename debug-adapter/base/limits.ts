/**
 * Bounds on what one answer may cost, so that no dump, however wild, makes the program hang or fill memory. Exceeding one
 * is told with the partial result.
 */
export const limits = {
  /** Longest list or tree of kernel objects followed, in nodes. */
  listNodes: 4_000_000,
  /** Deepest tree followed, in levels. */
  treeDepth: 64,
  /** Longest C string read from the dump, in bytes. */
  stringBytes: 4096,
  /** Largest single read that a request may ask for, in bytes. */
  readBytes: 16 * 1024 * 1024,
  /** Longest message of a client, and its longest header, in bytes: a write of `readBytes` in base64 fits. */
  requestBytes: 32 * 1024 * 1024,
  requestHeaderBytes: 4096,
  /** Requests of a client that wait; more are read when those are answered. */
  waitingRequests: 4096,
  /** Clients that are connected to one port. */
  clients: 64,
  /** Ranges of RAM listed of a dump whose bitmap tells them. */
  memoryRanges: 500_000,
  /** Records of a flattened dump; at 24 bytes each they are kept in memory. */
  flattenedRecords: 12_000_000,
  /** Program headers read from an ELF file. */
  programHeaders: 4_000_000,
  /** Largest note segment read, in bytes. */
  noteBytes: 64 * 1024 * 1024,
  /** Symbols in a kallsyms table. */
  symbols: 8_000_000,
  /** Bytes of compressed symbol names. */
  symbolNameBytes: 256 * 1024 * 1024,
  /** Bytes of one BTF blob. */
  btfBytes: 256 * 1024 * 1024,
  /** Loaded modules. */
  modules: 65_536,
  /** Distinct page tables that a reverse map reads. */
  pageTables: 4_000_000,
  /** Runs of mapped memory that a reverse map keeps. */
  mappedRuns: 16_000_000,
  /** Virtual addresses told of one physical address, and those looked at to find them. */
  mappings: 1000,
  mappingSteps: 1_000_000,
  /** Findings of one check that are told, and distinct page tables that it reads. */
  findings: 10_000,
  checkedTables: 4_000_000,
  /** Bytes of one page-table dump as text. */
  ptdumpBytes: 256 * 1024 * 1024,
  /** Tables met when frames are compared; a kernel with 8 TiB of memory in 4 KiB pages has as many. */
  comparedTables: 4_000_000,
  /** Runs of pages with other frames, in one comparison. */
  differentRuns: 4_000_000,
  /** Bytes of a pattern that is searched for: no longer than a page, so that it touches two at most. */
  patternBytes: 4096,
  /** Hits of one search that may be asked for, and those told where nothing is asked. */
  hits: 1_000_000,
  toldHits: 1000,
  /** How often a search may meet the same memory again, on average: tables of damaged dumps map it without end. */
  searchedOver: 64,
  /** Instructions decoded for one answer, before and behind the address that is asked for. */
  instructions: 100_000,
  /** Page size range that a dump may claim, in bytes. */
  pageSize: { least: 4096, most: 65_536 },
} as const;

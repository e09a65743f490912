/**
 * Bounds on what one answer may cost, so that no dump, however wild, makes the program hang or fill memory. Exceeding one
 * is told with the partial result, or refused where there is none; test/base/limits.test.ts exceeds each.
 */
export const limits = {
  /** Longest list or tree of kernel objects followed, in nodes. */
  listNodes: 4_000_000,
  /** Deepest tree followed, in levels. */
  treeDepth: 64,
  /** Longest C string read from the dump, in bytes. */
  stringBytes: 4096,
  /** Characters of a message for a user; a path has at most 4096. */
  messageCharacters: 8192,
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
  /** Tables that a page-table dump visits beyond one for each frame of RAM: shared ones that differ inside, such as espfix's. */
  tableVisits: 1_000_000,
  /** Frames of one kernel stack: 64 KiB and 16 bytes a frame. */
  stackFrames: 4096,
  /** Records and bytes of the kernel log; CONFIG_LOG_BUF_SHIFT is 25 at most. */
  logRecords: 1 << 22,
  logBytes: 1 << 28,
  /** Runs of entries of /proc/PID/pagemap, and regions of PAGEMAP_SCAN, in one answer. */
  pagemapRuns: 2_000_000,
  pagemapRegions: 1_000_000,
  /** Characters of an expression, levels of its tree, and elements that a format specifier may ask for. */
  expressionCharacters: 4096,
  expressionDepth: 200,
  expressionElements: 10_000,
  /** Bytes of one question about pages: each page is walked and identified. */
  memoryPageBytes: 1024 * 1024,
  /** Bytes of one write to memory. */
  writtenBytes: 1024 * 1024,
  /** Characters of a scenario; brackets and blocks that are open at once; nodes of its tree inside each other. */
  scenarioCharacters: 1 << 22,
  scenarioBrackets: 100,
  scenarioDepth: 400,
  /** Bytes of one bytes() and places of one search() in a scenario. */
  scenarioReadBytes: 65_536,
  scenarioHits: 10_000,
  /** Moments of a scenario that are kept to be compared with. */
  keptMoments: 1000,
  /** Page size range that a dump may claim, in bytes. */
  pageSize: { least: 4096, most: 65_536 },
} as const;

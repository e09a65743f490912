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
  /** Warnings kept of one kernel. */
  warnings: 10_000,
  /** Characters of a message for a user; a path has at most 4096. */
  messageCharacters: 8192,
  /** Largest single read that a request may ask for, in bytes. */
  readBytes: 16 * 1024 * 1024,
  /** Longest message of a client, and its longest header, in bytes: a write of `readBytes` in base64 fits. */
  requestBytes: 32 * 1024 * 1024,
  requestHeaderBytes: 4096,
  /** Requests of a client that wait; more are read when those are answered. */
  waitingRequests: 4096,
  /** Bytes told to a client that it has not read; its messages are read when it has. */
  unreadBytes: 32 * 1024 * 1024,
  /** Characters of a request's name. */
  commandCharacters: 100,
  /** Clients that are connected to one port. */
  clients: 64,
  /** Ranges of RAM listed of a dump whose bitmap tells them. */
  memoryRanges: 500_000,
  /** Records of a flattened dump; at 24 bytes each they are kept in memory. */
  flattenedRecords: 12_000_000,
  /** Program headers read from an ELF file. */
  programHeaders: 4_000_000,
  /** Segments of an ELF core that have fewer bytes than memory, of which the rest is looked for; writers that leave pages out have more. */
  cutSegments: 16,
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
  /** Lines of one page-table dump; tables that share others have as many as there are pages. */
  ptdumpLines: 1_000_000,
  /** Tables met when frames are compared; a kernel with 8 TiB of memory in 4 KiB pages has as many. */
  comparedTables: 4_000_000,
  /** How often each table is compared, on average, and how often at least one may be: kernels share few, and few with many. */
  comparedOver: 4,
  comparedAgain: 16_384,
  /** Runs of pages with other frames, in one comparison. */
  differentRuns: 4_000_000,
  /** Bytes of a pattern that is searched for: no longer than a page, so that it touches two at most. */
  patternBytes: 4096,
  /** Hits of one search that may be asked for, and those told where nothing is asked. */
  hits: 1_000_000,
  toldHits: 1000,
  /** Places kept of each text that a kernel is looked for by in memory. */
  scannedPlaces: 1_000_000,
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
  /** Places of the kernel log that are told as unreadable. */
  logProblems: 1000,
  /** Records that one report of a death takes; what the kernel wrote later is another matter. */
  reportRecords: 200,
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
  /** Longest name of a kernel object that is read, in bytes: a module's section, a resource, a slab cache, a ptdump column. */
  nameBytes: 256,
  /** Components of one file's path. */
  pathComponents: 65_536,
  /** Possible CPUs, and NUMA nodes; CONFIG_NR_CPUS is 8192 at most, CONFIG_NODES_SHIFT 10. */
  cpus: 65_536,
  nodes: 1024,
  /** Areas of per-CPU memory, one for each chunk and CPU, and lists of chunks by free size. */
  perCpuUnits: 4_000_000,
  perCpuLists: 1024,
  /** Sections of one module. */
  moduleSections: 65_536,
  /** Resources of /proc/iomem. */
  resources: 100_000,
  /** Descriptors of the EFI memory map; firmware has some hundreds. */
  efiDescriptors: 65_536,
  /** Sections of the memory map (CONFIG_SPARSEMEM): those of 512 TiB in sections of 128 MiB. */
  memorySections: 4_194_304,
  /** Free pages on the lists of CPUs, in all. */
  cpuFreePages: 4_000_000,
  /** Slabs on one CPU's partial list, or sheaves of one node; the kernel keeps some dozens. */
  partialSlabs: 65_536,
  /** Free objects in one sheaf or array of a slab cache; the kernel's tunables allow some hundreds. */
  sheafObjects: 65_536,
  /** Processes told to map one frame, and areas looked at to find them: libraries have thousands. */
  frameUsers: 16,
  frameUserAreas: 10_000,
  /** Addresses of the vmalloc space told of one frame. */
  framePlaces: 4,
  /** struct vmap_node; mm/vmalloc.c:vmap_init_nodes makes 128 at most. */
  vmapNodes: 4096,
  /** Runs of memory that the vmalloc space maps, kept by frame. */
  vmallocRuns: 4_000_000,
  /** Runs, and pages (64 GiB of 4 KiB ones), told of one vmalloc area. */
  areaRuns: 65_536,
  areaPages: 2 ** 24,
  /** Pages (256 GiB of 4 KiB ones) that are compared with their vmalloc areas, in all; and those of one vmap_block, which has a thousand. */
  checkedPages: 2 ** 26,
  blockPages: 65_536,
  /** Places where the direct map of x86-64 is looked for, 1 GiB or a hole apart. */
  directMapProbes: 100_000,
  /** Markers (s390 has two an area), and columns of one level, in the kernel's own tables for page-table dumps. */
  ptdumpMarkers: 256,
  ptdumpColumns: 64,
  /** Differences of page-table roots; more say nothing new, for a root that is garbage differs everywhere. */
  rootDifferences: 10_000,
  /** Typedefs, qualifiers, stars and anonymous structs inside each other, in one type. */
  typeDepth: 64,
  /** Members told of one type that is laid over memory. */
  layoutMembers: 4096,
  /** Of one value: bytes of text, levels inside each other, and elements of an array that are shown; elements in JSON. */
  shownText: 256,
  shownDepth: 8,
  shownElements: 64,
  evaluatedElements: 1024,
  /** Symbols told of one prefix on the command line, and completions of one word. */
  foundSymbols: 1000,
  completions: 200,
  /** Instructions of one function where none are counted: on the command line, and in the debug console. */
  functionInstructions: 10_000,
  consoleInstructions: 500,
  /** Ranges of raw memory that one image is made of. */
  rawRanges: 65_536,
  /** Files beside a member of a split dump that are looked at for the others: a folder may hold anything. */
  splitSiblings: 1000,
  /** Lines told of what makedumpfile erased. */
  erasedLines: 200,
  /** Chunks of one compressed AVML record; they are kept in memory. */
  avmlChunks: 16_000_000,
  /** Tasks that are listed as threads: a client lists all at once, and draws each. */
  taskThreads: 5000,
  /** Rows that a client gets of a long list when it asks for all; the last one holds those behind. */
  listRows: 1000,
  /** Virtual addresses, and physical ones whose mappings are sought, in one request. */
  askedAddresses: 10_000,
  askedFrames: 1000,
  /** Breakpoints of one kind, and watches: each costs time at each step. */
  breakpoints: 10_000,
  watches: 256,
  /** Bytes of one watch, compared at each step. */
  watchedBytes: 1 << 20,
  /** Ranges, and entries, that one answer tells as changed. */
  changedRanges: 4096,
  /** Problems that the message tells with which a scenario is not started. */
  launchProblems: 5,
  /** Statements of a scenario whose states are kept to go back to; the oldest are forgotten first. */
  scenarioHistory: 200_000,
  /** Of the run that gives an editor the values of variables: stops, milliseconds, and bytes of its machine's RAM. */
  hintStops: 200_000,
  hintMilliseconds: 2000,
  hintRam: 512 * 2 ** 20,
  /** Problems of a scenario's machine that are told; an editor shows each. */
  toldProblems: 500,
  /** Characters of a text, elements of a list, and bits of a number in a scenario. */
  scenarioTextCharacters: 1 << 20,
  scenarioListElements: 1 << 16,
  scenarioNumberBits: 256,
  /** Page size range that a dump may claim, in bytes. */
  pageSize: { least: 4096, most: 65_536 },
} as const;

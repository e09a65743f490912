/**
 * The floors of the house, as rules. A room may import only from floors below it and from itself; a room that
 * has no rule here may not exist (test/frame/layers.test.ts compares the list with the folders and breaks each rule once).
 */

const ground = ['base'];
const bytes = [...ground, 'memory', 'codec'];
const formats = [...bytes, 'image', 'arch', 'symbols'];
const meaning = [...formats, 'pagetable', 'kernel', 'expression'];

/**
 * Each room of debug-adapter/ with the rooms that it may look down to, and why it must not look further. Rooms of one
 * floor do not know each other, but for one pair: what kernel memory means is found by walking page tables.
 */
const floors = [
  { room: 'base', below: [], because: 'addresses, ranges and errors mean the same everywhere because they know nothing' },
  { room: 'memory', below: ground, because: 'memory is bytes and holes; who wrote them and what they mean is for others' },
  { room: 'codec', below: ground, because: 'a codec turns bytes into bytes' },
  { room: 'image', below: bytes, because: 'a dump format yields physical memory and notes, whatever kernel wrote them' },
  { room: 'arch', below: bytes, because: 'an architecture is what its manual says, for every kernel and every dump format' },
  { room: 'symbols', below: bytes, because: 'names and shapes are read before anything is known of their meaning' },
  { room: 'pagetable', below: formats, because: 'one walker serves every architecture and every kernel' },
  { room: 'kernel', below: [...formats, 'pagetable'], because: 'what memory means does not depend on who asks' },
  { room: 'expression', below: formats, because: 'the language knows types and symbols; which kernel objects there are is told to it' },
  { room: 'simulator', below: meaning, because: 'a simulated machine is memory that others read; it does not know its scenario' },
  { room: 'scenario', below: [...meaning, 'simulator'], because: 'a scenario drives a machine, whoever watches' },
  {
    room: 'session',
    below: [...meaning, 'simulator', 'scenario'],
    because: "a session speaks the field's words and no protocol's, so that all faces are equally capable",
  },
];

const engine = floors.map(({ room }) => room);

/** The three faces: each may use the whole engine, none another face. */
const faces = ['dap', 'lsp', 'command-line'];

const inRooms = (rooms) => `^debug-adapter/(?:${rooms.join('|')})/`;

const floorRules = floors.map(({ room, below, because }) => ({
  name: `floor-${room}`,
  comment: `debug-adapter/${room} imports only from floors below it: ${because}.`,
  severity: 'error',
  from: { path: inRooms([room]) },
  to: { path: '^(?:debug-adapter|extension|webview|test)/', pathNot: inRooms([room, 'protocol', ...below]) },
}));

const faceRules = faces.map((face) => ({
  name: `face-${face}`,
  comment: `debug-adapter/${face} is a thin face on the session; what two faces need belongs below them.`,
  severity: 'error',
  from: { path: inRooms([face]) },
  to: { path: '^(?:debug-adapter|extension|webview|test)/', pathNot: inRooms([face, 'protocol', ...engine]) },
}));

/**
 * The subjects of debug-adapter/kernel, each with those it may look down to beside the files of the room itself (the opened
 * kernel, its structures, its CPUs), which look at no subject.
 */
const subjects = [
  { subject: 'containers', below: [], because: 'a list, a tree and an array are walked alike, whatever hangs on them' },
  { subject: 'opening', below: [], because: 'the page tables are found before anything can be read through them' },
  { subject: 'log', below: [], because: 'the log is read when nothing else can be' },
  { subject: 'modules', below: ['containers'], because: 'names of code are wanted by all' },
  { subject: 'slab', below: ['containers'], because: 'caches know their objects, not what these mean' },
  { subject: 'layout', below: ['opening'], because: 'where things lie is found before what lies there' },
  { subject: 'pages', below: ['containers', 'layout'], because: "a frame's state is its struct page's, whoever uses it" },
  { subject: 'processes', below: ['containers', 'pages'], because: 'tasks and their memory are read without asking who is curious' },
  { subject: 'stacks', below: ['modules', 'processes'], because: 'frames of calls need code and the stacks of tasks' },
  { subject: 'pagemap', below: ['layout', 'pages', 'processes'], because: 'the scan asks of VMAs and pages only' },
  { subject: 'vmalloc', below: ['containers', 'layout', 'modules', 'pages'], because: 'areas belong to the kernel, not to a process' },
];
const allSubjects = subjects.map(({ subject }) => subject);
subjects.push({ subject: 'identify', below: allSubjects, because: 'what an address is may be any subject; only findings look further' });
subjects.push({ subject: 'findings', below: [...allSubjects, 'identify'], because: 'a finding may be of any subject' });

const inKernel = (names) => `^debug-adapter/kernel/(?:${names.join('|')})/`;

const subjectRules = subjects.map(({ subject, below, because }) => ({
  name: `kernel-${subject}`,
  comment: `debug-adapter/kernel/${subject} knows only subjects below it: ${because}.`,
  severity: 'error',
  from: { path: inKernel([subject]) },
  to: { path: inKernel(['[^/]+']), pathNot: inKernel([subject, ...below]) },
}));

module.exports = {
  forbidden: [
    ...floorRules,
    ...faceRules,
    ...subjectRules,
    {
      name: 'kernel-itself',
      comment: 'The opened kernel, its structures and its CPUs are what every subject is read with; they know none.',
      severity: 'error',
      from: { path: '^debug-adapter/kernel/[^/]+\\.ts$' },
      to: { path: inKernel(['[^/]+']) },
    },
    {
      name: 'answers-know-no-scenario',
      comment:
        'What a session answers is read from physical memory, whoever wrote it: only what drives a scenario (session/scenario*, dap/scenario*) knows that there is one.',
      severity: 'error',
      from: {
        path: inRooms(['session', 'dap', 'command-line']),
        pathNot: ['^debug-adapter/(?:session|dap)/scenario[a-z-]*\\.ts$', '^debug-adapter/session/operation-step\\.ts$'],
      },
      to: { path: inRooms(['simulator', 'scenario']) },
    },
    {
      name: 'protocol-stands-apart',
      comment: 'debug-adapter/protocol is imported by every world, so it imports nothing of any of them.',
      severity: 'error',
      from: { path: inRooms(['protocol']) },
      to: { pathNot: inRooms(['protocol']) },
    },
    {
      name: 'platform-is-injected',
      comment: 'Files, zlib and threads reach the engine through base/host.ts; only an entry (main-*.ts) picks who provides them.',
      severity: 'error',
      from: { path: '^(?:debug-adapter|extension|webview)/', pathNot: ['^debug-adapter/main-[a-z-]+\\.ts$', inRooms(['platform'])] },
      to: { path: inRooms(['platform']) },
    },
    {
      name: 'platform-provides-base',
      comment: 'debug-adapter/platform implements the interfaces of base and knows nothing of what is done with them.',
      severity: 'error',
      from: { path: inRooms(['platform']) },
      to: { path: '^(?:debug-adapter|extension|webview|test)/', pathNot: inRooms(['platform', 'base', 'codec']) },
    },
    {
      name: 'engine-without-node',
      comment: 'The engine must run in a worker and in a browser too: what it needs of Node is injected.',
      severity: 'error',
      from: { path: inRooms([...engine, 'protocol']) },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'extension-stays-out-of-the-engine',
      comment: 'The extension host shows facts that the adapter answers with; dumps are read in the adapter, beside the dump.',
      severity: 'error',
      from: { path: '^extension/' },
      to: { path: '^(?:debug-adapter|webview|test)/', pathNot: inRooms(['protocol']) },
    },
    {
      name: 'webview-stays-out-of-the-engine',
      comment: 'A page draws what it is sent; it shares types with the other worlds and no code.',
      severity: 'error',
      from: { path: '^webview/' },
      to: { path: '^(?:debug-adapter|extension|test)/', pathNot: inRooms(['protocol']) },
    },
    {
      name: 'webview-is-a-browser',
      comment: 'A page runs in a browser.',
      severity: 'error',
      from: { path: '^webview/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'only-the-extension-knows-vscode',
      comment: 'The adapter also serves editors that are not VS Code.',
      severity: 'error',
      from: { path: '^(?:debug-adapter|webview)/' },
      to: { path: '^vscode$' },
    },
    {
      name: 'nothing-imports-tests',
      comment: 'What runs does not lean on what checks it.',
      severity: 'error',
      from: { path: '^(?:debug-adapter|extension|webview)/' },
      to: { path: '^test/' },
    },
    {
      name: 'entries-are-roots',
      comment: 'An entry puts the parts together; whoever imported one would run a program.',
      severity: 'error',
      from: {},
      to: { path: '^debug-adapter/main-[a-z-]+\\.ts$' },
    },
    {
      name: 'no-circles',
      comment: 'Two files that run each other are one file, or lack a third. (A circle of types alone is gone when it runs.)',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-missing-file',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^vscode$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(?:^|/)node_modules/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};

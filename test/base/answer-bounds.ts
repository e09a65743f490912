/** Bounds on what one answer shows, and on what clients and scenarios may ask, each exceeded. */
import assert from 'node:assert/strict';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { evalFacts } from '../../debug-adapter/command-line/eval.ts';
import { evaluate } from '../../debug-adapter/expression/evaluate.ts';
import { structureText } from '../../debug-adapter/expression/structure-text.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { parseRawRanges } from '../../debug-adapter/image/raw.ts';
import { valuesAtEnd } from '../../debug-adapter/lsp/inlay-hints.ts';
import { debugScenario, parse, runScenario } from '../../debug-adapter/lsp/language-server.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { Watch } from '../../debug-adapter/session/scenario-watch.ts';
import { Watches } from '../../debug-adapter/session/scenario-watches.ts';
import { typeLayoutFacts } from '../../debug-adapter/session/type-layout-facts.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import { TableBuilder } from '../builders/x86-64-tables.ts';
import { answered, answeredOf, asked, printed } from '../support/bound-case.ts';
import type { BoundCase, BoundName } from '../support/bound-case.ts';
import { memoryHost } from '../support/memory-host.ts';
import { RawClient } from '../dap/raw-client.ts';

const shown = (text: string) =>
  asked((session) => {
    const context = session.expressions(undefined, {});
    return structureText(evaluate(text, context).value, context);
  });
const scenario = (text: string) => async (): Promise<unknown> => runScenario({ name: 'a.kmm', text }, neverCancelled);
const twoProblems = `machine { ram 64M }
let a = vmalloc(4K, prot: PAGE_KERNEL_EXEC)
let b = vmalloc(4K, prot: PAGE_KERNEL_EXEC)
expect a == b
`;
/** Names of the variables that an editor shows values of. */
const hinted = async (): Promise<string> =>
  JSON.stringify([...valuesAtEnd((await parse('machine { ram 64M }\nlet a = 1\nlet b = 2\nlet c = 3\n')).scenario).keys()]);

function member(start: number, end: number): Uint8Array {
  const pages = new Map(Array.from({ length: 20 }, (_, page) => [page, { bytes: new Uint8Array(4096).fill(page) }] as const));
  return bytesOf(buildKdump({ maxFrame: 20, ram: [[0, 20]], pages, vmcoreinfo: 'OSRELEASE=6.1.0\n', split: [start, end] }));
}

function finish(way: Iterator<unknown>): void {
  while (way.next().done !== true);
}

const wish = { kind: 'physical', address: 0n, length: 8, mm: undefined, level: undefined } as const;
const noSession = (): Session => {
  throw new RangeError('nobody asks for it');
};

export const answerBounds = {
  typeDepth: {
    bounds: { typeDepth: 3 },
    exceed: asked(({ kernel }) => typeLayoutFacts(kernel.types, 'int ****')),
    says: /there is no type int \*\*\*\*/,
  },
  layoutMembers: {
    bounds: { layoutMembers: 1 },
    exceed: asked(({ kernel }) => typeLayoutFacts(kernel.types, 'struct page')),
    says: /"cut":true/,
  },
  shownText: { bounds: { shownText: 5 }, exceed: shown('(char *)linux_banner'), says: /Linux\\\\?"…/ },
  shownDepth: { bounds: { shownDepth: 0 }, exceed: shown('init_task.tasks'), says: /^\["struct list_head at 0x/ },
  shownElements: { bounds: { shownElements: 1 }, exceed: shown('init_task.thread.tls_array'), says: /… \(2 more\)/ },
  evaluatedElements: {
    bounds: { evaluatedElements: 1 },
    exceed: asked((session) => evalFacts(session, 'init_task.thread.tls_array', { mm: undefined, cpu: 0 })),
    says: /"more":2/,
  },
  foundSymbols: {
    bounds: { foundSymbols: 2 },
    exceed: printed('sym', 'kmem_cache_*'),
    says: /there are more than 2 symbols kmem_cache_\*; write more of the name/,
  },
  completions: {
    bounds: { completions: 1 },
    exceed: answered('completions', { text: 'kmem_cache_', column: 12 }),
    says: /^\{"targets":\[\{[^{}]*\}\]\}$/,
  },
  functionInstructions: {
    bounds: { functionInstructions: 2 },
    exceed: printed('disassemble', 'schedule'),
    says: /these are the first 2 instructions; write a count to have more/,
  },
  consoleInstructions: {
    bounds: { consoleInstructions: 2 },
    exceed: answered('evaluate', { expression: '.disassemble schedule', context: 'repl' }),
    says: /\(the first 2; ask from another address for more\)/,
  },
  rawRanges: {
    bounds: { rawRanges: 1 },
    exceed: () => parseRawRanges('0x0-0x1000,0x2000-0x3000').length,
    says: /2 ranges of raw memory are too many \(1 at most\)/,
  },
  splitSiblings: {
    bounds: { splitSiblings: 1 },
    exceed: () => {
      const host = memoryHost({ 'a.1': member(0, 10), 'a.2': member(10, 20) });
      const image = openImage(host, ['a.1']);
      image.close();
      assert.equal(host.open.size, 0);
      return [image.format, ...image.warnings].join('\n');
    },
    says: /split kdump-compressed \(1 file\)[^]*more than 1 files lie beside the split dump.*; name the members, joined by commas/,
  },
  erasedLines: {
    bounds: { erasedLines: 1 },
    exceed: () => {
      const bytes = bytesOf(buildKdump({ maxFrame: 8, ram: [[0, 8]], pages: new Map(), eraseInfo: 'erase a 8\nerase b 8\nerase c 8\n' }));
      const image = openImage(memoryHost({ file: bytes }), ['file']);
      image.close();
      return image.headerFacts;
    },
    says: /"erase a 8"\},\{"name":"erased","value":"and 2 more"/,
  },
  listRows: { elsewhere: 'dap/long-lists.test.ts' },
  launchProblems: {
    bounds: { launchProblems: 1 },
    exceed: async () => {
      const client = new RawClient(
        { ...nodeHost(), ...memoryHost({ 'a.kmm': Buffer.from('print a\nprint b\nprint c\n') }) },
        { loadLanguage: () => import('../../debug-adapter/lsp/language-server.ts') },
      );
      await client.body('initialize');
      const { message } = await client.ask('launch', { scenario: 'a.kmm' });
      await client.body('disconnect');
      return message;
    },
    says: /and 2 more/,
  },
  scenarioHistory: {
    bounds: { scenarioHistory: 4 },
    exceed: async () => {
      const session = debugScenario(await parse(`machine { ram 64M }\n${'print 1\n'.repeat(12)}`));
      if (!('stop' in session)) throw new RangeError(session.message);
      finish(session.start(false, neverCancelled));
      while (session.stop.kind !== 'end') finish(session.step('over', neverCancelled));
      let back = 0;
      for (; session.canGoBack; back++) finish(session.back('over', neverCancelled));
      return `goes back ${back} statements`;
    },
    says: /goes back [1-4] statements/,
  },
  hintStops: { bounds: { hintStops: 1 }, exceed: hinted, says: /^\["a"(,"b")?\]$/ },
  hintMilliseconds: { bounds: { hintMilliseconds: -1 }, exceed: hinted, says: /^\[\]$/ },
  hintRam: { bounds: { hintRam: 1 }, exceed: hinted, says: /^\[\]$/ },
  avmlChunks: { elsewhere: 'image/lime.test.ts' },
  taskThreads: { elsewhere: 'session/many-tasks.test.ts' },
  askedAddresses: {
    bounds: { askedAddresses: 1 },
    exceed: answered('pagewalk/identify', { addresses: ['0x1', '0x2'] }),
    says: /addresses cannot be used: at most 1 addresses at once/,
  },
  askedFrames: {
    bounds: { askedFrames: 1 },
    exceed: answered('pagewalk/reverseMap', { physical: ['0x1', '0x2'] }),
    says: /physical cannot be used: at most 1 addresses at once/,
  },
  breakpoints: {
    bounds: { breakpoints: 0 },
    exceed: answeredOf(twoProblems, 'setBreakpoints', (path) => ({ source: { path }, breakpoints: [{ line: 1 }] })),
    says: /breakpoints cannot be used: at most 0 breakpoints/,
  },
  changedRanges: {
    bounds: { changedRanges: 0 },
    exceed: answeredOf(twoProblems, 'pagewalk/changes', () => ({})),
    says: /"truncated":true/,
  },
  toldProblems: {
    bounds: { toldProblems: 1 },
    exceed: answeredOf(twoProblems, 'pagewalk/scenarioProblems', () => ({})),
    says: /"truncated":true/,
  },
  watches: {
    bounds: { watches: 0 },
    exceed: () => {
      const watches = new Watches(new TableBuilder(), noSession);
      watches.add(wish);
      return watches.all;
    },
    says: /at most 0 places are watched at once; take some away/,
  },
  watchedBytes: {
    bounds: { watchedBytes: 4 },
    exceed: () => new Watch(wish, new TableBuilder(), noSession).label,
    says: /a watch has from 1 to 4 bytes, not 8/,
  },
  scenarioTextCharacters: {
    bounds: { scenarioTextCharacters: 3 },
    exceed: scenario('print "ab" + "cd"'),
    says: /a text has at most 3 characters/,
  },
  scenarioListElements: {
    bounds: { scenarioListElements: 1 },
    exceed: scenario('print [1] + [2]'),
    says: /a list has at most 1 elements/,
  },
  scenarioNumberBits: { bounds: { scenarioNumberBits: 32 }, exceed: scenario('print 1 << 40'), says: /a shift is by 0 to 31 bits/ },
} satisfies Partial<Record<BoundName, BoundCase>>;

/** Bounds on what one answer shows, and on what clients and scenarios may ask, each exceeded. */
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { evalFacts } from '../../debug-adapter/command-line/eval.ts';
import { evaluate } from '../../debug-adapter/expression/evaluate.ts';
import { structureText } from '../../debug-adapter/expression/structure-text.ts';
import { parseRawRanges } from '../../debug-adapter/image/raw.ts';
import { runScenario } from '../../debug-adapter/lsp/language-server.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { Watch } from '../../debug-adapter/session/scenario-watch.ts';
import { Watches } from '../../debug-adapter/session/scenario-watches.ts';
import { typeLayoutFacts } from '../../debug-adapter/session/type-layout-facts.ts';
import { TableBuilder } from '../builders/x86-64-tables.ts';
import { answered, answeredOf, asked, printed } from '../support/bound-case.ts';
import type { BoundCase, BoundName } from '../support/bound-case.ts';

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

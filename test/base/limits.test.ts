/**
 * Every bound of base/limits.ts, exceeded: what is asked is answered in part or refused, and either says so. A bound without a
 * case here does not pass, nor a case without a bound.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { neverCancelled } from '../../debug-adapter/base/cancellation.ts';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { limits } from '../../debug-adapter/base/limits.ts';
import { x8664Mode } from '../../debug-adapter/arch/x86-64.ts';
import { tokenize } from '../../debug-adapter/expression/lexer.ts';
import { evaluate } from '../../debug-adapter/expression/evaluate.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { parse, runScenario } from '../../debug-adapter/lsp/language-server.ts';
import { textPattern } from '../../debug-adapter/memory/search-pattern.ts';
import { FrameDiff } from '../../debug-adapter/pagetable/frame-diff.ts';
import { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import { machineOptions } from '../../debug-adapter/scenario/machine-settings.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { loadDisassembler, openDisassembler } from '../../debug-adapter/session/disassembly.ts';
import { deathOf, reportOf } from '../../debug-adapter/kernel/log/kernel-log.ts';
import { unwind } from '../../debug-adapter/kernel/stacks/unwind.ts';
import type { UnwindState } from '../../debug-adapter/kernel/stacks/unwind.ts';
import { openPtdumpSource } from '../../debug-adapter/session/ptdump-source.ts';
import { Moments } from '../../debug-adapter/session/scenario-moments.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { Machine } from '../../debug-adapter/simulator/machine.ts';
import { elfFile, elfNote, filled, joinBytes, noteSegment, x8664 } from '../builders/elf-file.ts';
import { buildFlattened } from '../builders/flattened.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import { limeRecord } from '../builders/lime-file.ts';
import { bits, TableBuilder } from '../builders/x86-64-tables.ts';
import { RawClient } from '../dap/raw-client.ts';
import { addressOf, bundled } from '../support/dumps.ts';
import { asked } from '../support/bound-case.ts';
import type { BoundCase, BoundName } from '../support/bound-case.ts';
import { underLimits } from '../support/lowered-limits.ts';
import { memoryHost } from '../support/memory-host.ts';
import { answerBounds } from './answer-bounds.ts';
import { kernelBounds } from './kernel-bounds.ts';

function warningsOf(file: Uint8Array): () => unknown {
  return () => {
    const image = openImage(memoryHost({ file }), ['file']);
    const { warnings } = image;
    image.close();
    return warnings;
  };
}

const { p, rw } = bits;

/** Every frame's caller lies 16 bytes above it. */
function endlessStack(): ReturnType<typeof unwind> {
  const at = (sp: bigint): UnwindState => ({
    pc: toAddress(sp),
    sp: toAddress(sp),
    registers: new Map(),
    exact: false,
    certain: true,
    user: false,
  });
  const end = 0x200n;
  return unwind(at(0n), { step: ({ sp }) => (sp < end ? { state: at(sp + 16n) } : { end: undefined }) }, []);
}

function threeRanges(): Uint8Array {
  const pages = new Map([0, 10, 20].map((page) => [page, { bytes: filled(4096, 1) }]));
  const ram = [0, 10, 20].map((page) => [page, page + 1] as const);
  return bytesOf(buildKdump({ maxFrame: 64, ram, pages }));
}

/** A page with the utsname of a machine that Linux runs on no more. */
function anotherName(): Uint8Array {
  const bytes = new Uint8Array(4096);
  ['Linux', 'host', '2.4.0', '#1', 'vax'].forEach((text, index) => {
    bytes.set(new TextEncoder().encode(text), index * 65);
  });
  return bytes;
}

/** Two tables that map the same two pages to other frames. */
function twoTables(): [PageTable, PageTable] {
  const [one, two] = [0x10n, 0x20n].map((frame) => {
    const builder = new TableBuilder();
    const root = builder.table();
    for (const index of [0, 2]) builder.map(root, [0, 0, 0, index], (frame << 12n) | p | rw);
    return new PageTable(builder, x8664Mode({ levels: 4, encryptionMask: 0n }), toPhysAddr(root));
  });
  assert.ok(one !== undefined && two !== undefined);
  return [one, two];
}

const oneRecord = (start: number): Uint8Array => limeRecord(start, filled(4096, 1));
const noted = (): Uint8Array =>
  elfFile([noteSegment([elfNote({ name: 'VMCOREINFO', type: 0, description: filled(500, 0x41) }, true)])], x8664);

const expressionIn = (text: string) => asked((session) => evaluate(text, session.expressions(undefined, {})).value.text);
const scenario = (text: string) => async (): Promise<unknown> => runScenario({ name: 'a.kmm', text }, neverCancelled);

const cases: Record<BoundName, BoundCase> = {
  ...kernelBounds,
  ...answerBounds,
  listNodes: { bounds: { listNodes: 3 }, exceed: asked((session) => session.tasks().length), says: /more than 3 nodes/ },
  treeDepth: { bounds: { treeDepth: -1 }, exceed: asked((session) => session.maps(1)), says: /lies too deep/ },
  stringBytes: {
    bounds: { stringBytes: 9 },
    exceed: asked((session) => session.memory().cString(session.symbols.find('linux_banner')?.address ?? toAddress(0n))),
    says: /^\["Linux ver",/,
  },
  warnings: {
    bounds: { warnings: 1 },
    exceed: asked((session) => {
      for (const message of ['one', 'two', 'two', 'three']) session.kernel.warn(message);
    }),
    says: /\["one","more is wrong than 1 warnings tell: 3 times no other was given"\]/,
  },
  messageCharacters: {
    bounds: { messageCharacters: 40 },
    exceed: () => openImage(memoryHost({}), ['x'.repeat(100)]),
    says: /^x{40}…$/,
  },
  readBytes: {
    bounds: { readBytes: 16 },
    exceed: asked((session) => session.readPhysical(toPhysAddr(0), 17)),
    says: /17 bytes are more than one read gives \(16\); read in parts/,
  },
  requestBytes: { elsewhere: 'dap/transport.test.ts' },
  requestHeaderBytes: { elsewhere: 'dap/transport.test.ts' },
  waitingRequests: { elsewhere: 'dap/transport.test.ts' },
  unreadBytes: { elsewhere: 'dap/transport.test.ts' },
  commandCharacters: { elsewhere: 'dap/transport.test.ts' },
  clients: { elsewhere: 'dap/listening.test.ts' },
  memoryRanges: {
    bounds: { memoryRanges: 1 },
    exceed: warningsOf(threeRanges()),
    says: /claims more than 1 ranges of RAM; the last ones are listed as one/,
  },
  flattenedRecords: {
    bounds: { flattenedRecords: 2 },
    exceed: warningsOf(buildFlattened({ records: [0, 1, 2].map((index) => ({ offset: index * 4096, bytes: filled(4096, 1) })) })),
    says: /has more than 2 records; rearrange it with: makedumpfile -R/,
  },
  programHeaders: {
    bounds: { programHeaders: 2 },
    exceed: warningsOf(joinBytes([oneRecord(0), oneRecord(0x1_0000), oneRecord(0x2_0000)])),
    says: /has more than 2 records/,
  },
  noteBytes: {
    bounds: { noteBytes: 64 },
    exceed: warningsOf(noted()),
    says: /note segments claim more than 64 bytes; only the first 64 are read/,
  },
  symbols: { bounds: { symbols: 10 }, exceed: asked((session) => session.symbols.count), says: /no symbols: .*claims \d+ symbols/ },
  symbolNameBytes: {
    bounds: { symbolNameBytes: 100 },
    exceed: asked((session) => session.symbols.count),
    says: /names of kallsyms do not fit/,
  },
  btfBytes: {
    bounds: { btfBytes: 100 },
    exceed: asked((session) => session.types?.source),
    says: /no types: the BTF section claims \d+ bytes/,
  },
  modules: {
    bounds: { modules: 1 },
    exceed: asked((session) => session.modules().length),
    says: /^\[1,.*modules: there are more than 1; the others are missing/,
  },
  pageTables: {
    bounds: { pageTables: 2 },
    exceed: asked((session) => session.reverseMap([toPhysAddr(0)], {})),
    says: /there are more than 2 page tables; what the others map is left out/,
  },
  mappedRuns: {
    bounds: { mappedRuns: 2 },
    exceed: asked((session) => session.reverseMap([toPhysAddr(0)], {})),
    says: /there are more than 2 runs of mapped memory; \d+ frames are left out/,
  },
  mappings: {
    bounds: { mappings: 0 },
    exceed: asked((session) => session.reverseMap([toPhysAddr(0x100_0000)], {})),
    says: /"mappings":\[\],"total":[1-9]/,
  },
  mappingSteps: {
    bounds: { mappingSteps: 0 },
    exceed: asked((session) => session.reverseMap([toPhysAddr(0x100_0000)], {})),
    says: /is mapped at about 1 addresses; 0 of them are told/,
  },
  findings: {
    bounds: { findings: 0 },
    exceed: asked((session) => session.findings({})),
    says: /only the first 0 findings|the first 0 are told/,
  },
  checkedTables: {
    bounds: { checkedTables: 2 },
    exceed: asked((session) => session.findings({})),
    says: /there are more than 2 page tables; the others were not checked/,
  },
  ptdumpBytes: {
    bounds: { ptdumpBytes: 20 },
    exceed: () =>
      openPtdumpSource(memoryHost({ file: Buffer.from('---[ User Space ]---\n0x00000000-0x00001000 4K PTE\n') }), { paths: ['file'] }),
    says: /has \d+ bytes, more than a page-table dump has/,
  },
  ptdumpLines: {
    bounds: { ptdumpLines: 3 },
    exceed: asked((session) => session.ptdump({})),
    says: /"level":"[a-z]+".*the page tables give more than 3 lines, as damaged ones may: those from 0x[0-9a-f]+ on are left out/,
  },
  comparedTables: {
    bounds: { comparedTables: 1 },
    exceed: () => new FrameDiff(...twoTables(), neverCancelled).differences(0, 2 ** 27),
    says: /comparing frames met more than 1 tables/,
  },
  comparedOver: {
    bounds: { comparedOver: 0, comparedAgain: 1 },
    exceed: () => new FrameDiff(...twoTables(), neverCancelled).differences(0, 2 ** 27),
    says: /met in more places than in any kernel \(\d tables, more than 0 times each\)/,
  },
  comparedAgain: {
    bounds: { comparedAgain: 0 },
    exceed: () => new FrameDiff(...twoTables(), neverCancelled).differences(0, 2 ** 27),
    says: /met in more places than in any kernel \(0 tables/,
  },
  differentRuns: {
    bounds: { differentRuns: 1 },
    exceed: () => new FrameDiff(...twoTables(), neverCancelled).differences(0, 2 ** 27),
    says: /frames differ in more than 1 places/,
  },
  patternBytes: { bounds: { patternBytes: 3 }, exceed: () => textPattern('four', undefined), says: /a pattern has at most 3 bytes, not 4/ },
  hits: {
    bounds: { hits: 5 },
    exceed: asked((session) => session.search({ pattern: '"Linux"', physical: true, limit: 6 }, {})),
    says: /6 is no limit; write a number of hits from 1 to 5/,
  },
  toldHits: {
    bounds: { toldHits: 1 },
    exceed: asked((session) => session.search({ pattern: '"Linux version"', physical: true }, {})),
    says: /"complete":false/,
  },
  scannedPlaces: {
    bounds: { scannedPlaces: 1 },
    exceed: () => openSession(memoryHost({ file: joinBytes([0, 0x1000].map((at) => limeRecord(at, anotherName()))) }), { paths: ['file'] }),
    says: /no Linux kernel was recognised .*; more than 1 places of memory look like a kernel's utsname/,
  },
  searchedOver: {
    bounds: { searchedOver: 0 },
    exceed: asked((session) => session.search({ pattern: '"Linux version"' }, {})),
    says: /map the same memory over and over; not all of their addresses were searched/,
  },
  instructions: {
    bounds: { instructions: 4 },
    exceed: async () => {
      const open = await loadDisassembler(nodeHost());
      return asked((session) =>
        openDisassembler(open, session, undefined).around(addressOf('0xffffffff81000000'), { skip: 0, count: 5 }),
      )();
    },
    says: /at most 4 instructions are decoded at once/,
  },
  tableVisits: {
    bounds: { tableVisits: -(2 ** 53) },
    exceed: asked((session) => session.ptdumpLines({}).length),
    says: /page tables? .*(?:not|left)|more tables/,
  },
  stackFrames: {
    bounds: { stackFrames: 10 },
    exceed: () => endlessStack().problem ?? 'the whole stack',
    says: /there are more than 10 frames/,
  },
  cutSegments: { elsewhere: 'image/cut-segments.test.ts' },
  logProblems: { elsewhere: 'kernel/printk.test.ts' },
  logRecords: {
    bounds: { logRecords: 4 },
    exceed: asked((session) => session.log()),
    says: /the kernel log .* is damaged: it claims 2\^\d+ records/,
  },
  reportRecords: {
    bounds: { reportRecords: 3 },
    exceed: () => {
      const lines = ['Oops: 0002 [#1]', 'one', 'two', 'three', 'four'];
      const record = { sequence: undefined, time: 0n, level: 6, facility: 0, caller: undefined };
      const log = { records: lines.map((text) => ({ ...record, text })), problems: [] };
      const death = deathOf(log);
      assert.ok(death !== undefined);
      return reportOf(log, death);
    },
    says: /\["Oops: 0002 \[#1\]","one","two"\],"problem":"the report of the kernel's death has no end within 3 records; the 2 behind are only in the log"/,
  },
  logBytes: {
    bounds: { logBytes: 4 },
    exceed: asked((session) => session.log()),
    says: /the kernel log .* is damaged: it claims 2\^\d+ records in 2\^\d+ bytes/,
  },
  pagemapRuns: {
    bounds: { pagemapRuns: 1 },
    exceed: asked((session) => session.pagemap(processOf(session), {})),
    says: /the entries of the range are more than 1 runs; ask for a smaller range/,
  },
  pagemapRegions: {
    bounds: { pagemapRegions: 1 },
    exceed: asked((session) => session.pagemapScan({ pid: processOf(session), vecLen: '5' })),
    says: /the scan stops after 1 regions; go on from the walk's end/,
  },
  expressionCharacters: {
    bounds: { expressionCharacters: 3 },
    exceed: () => tokenize('1 + 1'),
    says: /more than 3 characters in expression/,
  },
  expressionDepth: { bounds: { expressionDepth: 5 }, exceed: expressionIn('((((((1))))))'), says: /more than 5 levels in expression/ },
  expressionElements: {
    bounds: { expressionElements: 2 },
    exceed: expressionIn('&init_task,3'),
    says: /more than 2 elements are asked for/,
  },
  memoryPageBytes: {
    bounds: { memoryPageBytes: 16 },
    exceed: asked((session) => session.memoryPages(addressOf('0xffffffff81000000'), 17, {})),
    says: /17 bytes are more than one question about pages gives \(16\)/,
  },
  writtenBytes: {
    bounds: { writtenBytes: 2 },
    exceed: async () => {
      const client = new RawClient();
      await client.launch({ image: bundled.image });
      const reply = await client.ask('writeMemory', {
        memoryReference: '0xffffffff81000000',
        data: Buffer.from('four').toString('base64'),
      });
      await client.body('disconnect');
      return reply.message;
    },
    says: /one request writes at most 2 bytes, not 4/,
  },
  scenarioCharacters: {
    bounds: { scenarioCharacters: 8 },
    exceed: async () => (await parse('print 1\nprint 2\n')).problems.map(({ message }) => message),
    says: /a scenario has at most 8 characters; the rest is not read/,
  },
  scenarioBrackets: {
    bounds: { scenarioBrackets: 6 },
    exceed: scenario('print ((((((((1 + 1))))))))'),
    says: /brackets and blocks are more than 6 deep.*; split the statement/,
  },
  scenarioDepth: {
    bounds: { scenarioDepth: 6 },
    exceed: scenario('print -(-(-(-(-(-(-1))))))'),
    says: /or operators more than 6; split the statement/,
  },
  scenarioReadBytes: {
    bounds: { scenarioReadBytes: 2 },
    exceed: scenario('print bytes(0, 3)'),
    says: /3 bytes are more than one bytes\(\) gives \(2\)/,
  },
  scenarioHits: {
    bounds: { scenarioHits: 2 },
    exceed: scenario('print search("00", limit: 3)'),
    says: /search\(\) tells at most 2 places/,
  },
  keptMoments: {
    bounds: { keptMoments: 1 },
    exceed: () => {
      const moments = new Moments(Machine.create(machineOptions(undefined)), () => new Map());
      moments.keep('one');
      moments.keep('two');
      return moments.all;
    },
    says: /at most 1 moments are kept/,
  },
  pageSize: {
    bounds: { pageSize: { least: 8192, most: 65_536 } },
    exceed: warningsOf(readFileSync(bundled.image)),
    says: /header|page|block/,
  },
};

function processOf(session: Session): number {
  const [first] = session.tasks().filter(({ mm }) => mm !== null);
  assert.ok(first !== undefined);
  return first.pid;
}

async function saidOf(exceed: () => unknown): Promise<string> {
  try {
    const answer = await exceed();
    return typeof answer === 'string' ? answer : JSON.stringify(answer);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

describe('bounds', () => {
  test('each has a case', () => {
    assert.deepEqual(Object.keys(cases).sort(), Object.keys(limits).sort());
  });

  for (const [name, place] of Object.entries(cases)) {
    test(name, async () => {
      if ('elsewhere' in place) {
        assert.match(readFileSync(join(import.meta.dirname, '..', place.elsewhere), 'utf8'), new RegExp(`limits\\.${name}\\b`));
        return;
      }
      assert.ok(name in place.bounds);
      const without = await saidOf(place.exceed);
      assert.doesNotMatch(without, place.says, 'it is said without the bound too');
      assert.match(await underLimits(place.bounds, () => saidOf(place.exceed)), place.says);
    });
  }
});

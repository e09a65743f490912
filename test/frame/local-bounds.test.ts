/**
 * Bounds on what an answer may cost stand in base/limits.ts, with a test each. A number that is named as a bound and stands
 * elsewhere in the adapter is a fact of a format or of the kernel, or bounds what is kept, not what is told: then it is here.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../../debug-adapter');
/** Architectures, codecs and the simulated machine have the bounds of hardware, formats and the kernel. */
const apart = ['arch/', 'codec/', 'simulator/', 'scenario/generated/'];
const named = /^(?:most|max(?:imum)?|longest|deepest|largest|furthest|reach|limit|bound)(?![a-z])|(?:Limit|Bound|Max)$/;

const facts: Readonly<Record<string, string>> = {
  'base/address.ts maximum': 'the top of 64 bits',
  'dap/evaluation.ts deepestAnonymous': 'offers of names: no kernel has structs without names as deep',
  'dap/scenario-session.ts mostShown': 'places that a client shows: it asks for the oldest again',
  'image/kdump-header.ts mostPhysicalBytes': 'physical addresses have 52 bits',
  'image/kdump-memory.ts mostAhead': 'pages that are read ahead',
  'image/snappy-frames.ts mostChunkData': 'the framing format',
  'kernel/data-search.ts reach': "the kernel's data lie no further from its text",
  'kernel/identify/identify-cpu.ts deepestMember': 'a name that is told as far as it helps',
  'kernel/modules/module.ts largestPart': 'the area of modules',
  'kernel/opening/vmcoreinfo-search.ts mostBeforeName': 'struct uts_namespace',
  'kernel/pagemap/pagemap-scan.ts most64': 'the top of 64 bits',
  'kernel/pages/compound-head.ts mostMaskShift': 'struct page lies no further apart',
  'kernel/pages/page-category-frame.ts largestOrder': "the buddy allocator's largest blocks",
  'kernel/slab/slab-array.ts largestObject': 'the largest slab',
  'kernel/slab/slab-array.ts mostObjects': 'a counter of 16 bits',
  'kernel/slab/slab.ts largestObject': 'the largest slab',
  'kernel/slab/slab.ts mostObjects': 'a counter of 15 bits',
  'kernel/stacks/unwind-frame-pointer.ts longestPrologue': 'bytes in which a function sets its frame up',
  'kernel/stacks/unwind-riscv-code.ts longest': 'no function is longer; its callers are found in another way',
  'kernel/stacks/unwind-scan.ts reach': 'a stack whose end is not known',
  'lsp/unfinished-call.ts longest': 'no call is longer',
  'pagetable/ptdump-walk.ts mostRuns': 'what is remembered to be quick; longer tables are walked again',
  'pagetable/run-index.ts longestRun': 'the width of a column; longer runs take several rows',
  'pagetable/table-graph.ts longestRun': 'the width of a column; longer runs take several rows',
  'platform/node-worker.ts mostUnpackThreads': 'threads help no more',
  'scenario/evaluation.ts largest': 'the top of 64 bits',
  'scenario/parser-messages.ts longest': 'characters that a message repeats',
  'session/disassembly.ts furthest': 'no function is longer',
  'session/memory-map-facts.ts mostPieces': 'a picture: its pieces grow until they are as few',
  'session/memory-pages.ts mostStepsOn': 'the next answer goes on from there',
  'session/scenario-frames.ts longestLabel': 'characters of a label',
  'symbols/kallsyms-names.ts tokenTableLimit': 'its index has 16 bits',
  'symbols/kallsyms-scan.ts mostBytesPerMarker': '256 names are never as long',
};

/** Constants of a module that are numbers and named as bounds. */
function boundsOf(source: ts.SourceFile): readonly string[] {
  return source.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) =>
    declarationList.declarations.flatMap(({ name, initializer }) => {
      const plain = name.getText(source);
      return initializer !== undefined && named.test(plain) && isNumber(initializer) ? [plain] : [];
    }),
  );
}

/** Digits, and what is calculated of them. */
function isNumber(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return isNumber(node.expression);
  if (ts.isPrefixUnaryExpression(node)) return isNumber(node.operand);
  if (ts.isBinaryExpression(node)) return isNumber(node.left) && isNumber(node.right);
  return ts.isNumericLiteral(node) || ts.isBigIntLiteral(node);
}

const parse = (path: string, text: string): ts.SourceFile => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);

describe('local bounds', () => {
  test('stand in base/limits.ts, but for facts', () => {
    const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !apart.some((folder) => path.startsWith(folder)))
      .flatMap((path) => boundsOf(parse(path, readFileSync(join(root, path), 'utf8'))).map((name) => `${path} ${name}`));
    assert.deepEqual(found.sort(), Object.keys(facts).sort());
  });

  test('are found by their names', () => {
    const text =
      'const mostRows = 1000;\nconst most = f();\nconst mostly = 5;\nexport const tableLimit = 64 * 1024;\nconst deepest = 4n;\nconst size = 7;\n';
    assert.deepEqual(boundsOf(parse('sample.ts', text)), ['mostRows', 'tableLimit', 'deepest']);
  });
});

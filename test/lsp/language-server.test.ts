/** The language server as an editor meets it: `pagewalk lsp`, over its standard input and output. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LanguageClientProcess } from './raw-client.ts';

interface Position {
  readonly line: number;
  readonly character: number;
}
interface TextEdit {
  readonly range: { readonly start: Position; readonly end: Position };
  readonly newText: string;
}
interface Diagnostic {
  readonly message: string;
  readonly range: TextEdit['range'];
  readonly data?: unknown;
}
interface Completion {
  readonly label: string;
  readonly insertText?: string;
  readonly textEdit?: TextEdit;
  readonly documentation?: string;
}
interface SymbolInformation {
  readonly name: string;
}

describe('the language server', () => {
  let client: LanguageClientProcess;
  let files = 0;

  before(async () => {
    client = new LanguageClientProcess();
    await client.initialize();
  });
  after(async () => {
    await client.request('shutdown', null);
    client.notify('exit', null);
    assert.equal(await client.ended, 0);
  });

  /** Opens a text whose cursor is at `‸`; gives what requests need. */
  function open(marked: string): {
    readonly uri: string;
    readonly text: string;
    readonly at: { textDocument: { uri: string }; position: Position };
  } {
    const text = marked.replace('‸', '');
    const lines = marked.slice(0, Math.max(0, marked.indexOf('‸'))).split('\n');
    const uri = `file:///tmp/file-${++files}.kmm`;
    client.open(uri, text);
    return { uri, text, at: { textDocument: { uri }, position: { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 } } };
  }

  async function diagnosticsOf(uri: string): Promise<readonly Diagnostic[]> {
    const told = await client.heard('textDocument/publishDiagnostics', (params: { uri: string }) => params.uri === uri);
    return (told as { diagnostics: readonly Diagnostic[] }).diagnostics;
  }

  async function completionsAt(marked: string): Promise<readonly Completion[]> {
    const { at } = open(marked);
    const { result } = await client.request('textDocument/completion', at);
    return (result as { items: readonly Completion[] } | null)?.items ?? [];
  }

  it('tells diagnostics, and their quick fixes', async () => {
    const { uri } = open('let a = vmaloc(64K)\n');
    const diagnostics = await diagnosticsOf(uri);
    assert.equal(diagnostics.length, 1);
    assert.match(diagnostics[0]?.message ?? '', /no operation or function vmaloc; did you mean vmalloc\?/);
    const { result } = await client.request('textDocument/codeAction', {
      textDocument: { uri },
      range: diagnostics[0]?.range,
      context: { diagnostics },
    });
    const [action] = result as readonly { title: string; edit: { changes: Record<string, readonly TextEdit[]> } }[];
    assert.equal(action?.title, 'Change to vmalloc');
    assert.deepEqual(action.edit.changes[uri], [
      { range: { start: { line: 0, character: 8 }, end: { line: 0, character: 14 } }, newText: 'vmalloc' },
    ]);
  });

  it('tells nothing of a text that is right', async () => {
    const { uri } = open('let a = vmalloc(64K, prot: PAGE_KERNEL_RO)\nprint "{a:x}"\nvfree(a)\n');
    assert.deepEqual(await diagnosticsOf(uri), []);
  });

  it('completes operations, with their arguments', async () => {
    const items = await completionsAt('let a = vmal‸');
    const item = items.find(({ label }) => label === 'vmalloc');
    assert.ok(item, JSON.stringify(items.map(({ label }) => label)));
    assert.match(item.textEdit?.newText ?? item.insertText ?? '', /^vmalloc\(\$\{1:4K\}\)$/);
    assert.notEqual(item.documentation, undefined);
  });

  it('completes statements, names, parameters, choices, settings, features, snapshots', async () => {
    const cases: readonly (readonly [marked: string, wanted: readonly string[]])[] = [
      ['‸', ['let', 'expect', 'print', 'snapshot', 'vmalloc']],
      ['let area = 1\nprint ar‸', ['area']],
      ['let a = vmalloc(4K, ‸)', ['node:', 'prot:']],
      ['let a = vmalloc(4K, prot: ‸)', ['PAGE_KERNEL', 'PAGE_KERNEL_RO']],
      ['machine { ‸ }', ['ram', 'paging', 'with']],
      ['machine { with ‸ }', ['vmap_ram_flags', 'used_map']],
      ['machine { paging ‸ }', ['x86-64-4', 'arm64-4k']],
      ['snapshot first\nrestore ‸', ['first']],
      ['let area = 1\nprint "{ar‸}"', ['area']],
      ['let area = 1\nprint "{area:‸}"', ['x', 'size']],
    ];
    for (const [marked, wanted] of cases) {
      const labels = (await completionsAt(marked)).map(({ label }) => label);
      for (const one of wanted) assert.ok(labels.includes(one), `${JSON.stringify(marked)} offers ${one}: ${labels.join(' ')}`);
    }
  });

  it('shows documentation', async () => {
    const cases: readonly (readonly [marked: string, wanted: RegExp])[] = [
      ['let a = vm‸alloc(64K)', /vmalloc\(size: size.*\n```\n\n.*contiguous by virtual address/s],
      ['let a = vmalloc(si‸ze: 64K)', /`size` \(size\): Bytes/],
      ['let a = vmalloc(64‸K)', /65536 = 0x10000 = 64K/],
      ['let a = 3\nprint ‸a', /let a = 3/],
      ['machine { ra‸m 128M }', /Bytes of RAM/],
      ['machine { with used_‸map }', /vmap_block\.used_map/],
      ['let a = vmalloc(4K, prot: PAGE_KERN‸EL)', /Rights and cache type/],
      ['snap‸shot s', /Keeps the state/],
    ];
    for (const [marked, wanted] of cases) {
      const { result } = await client.request('textDocument/hover', open(marked).at);
      const { contents } = (result ?? { contents: { value: '' } }) as { contents: { value: string } };
      assert.match(contents.value, wanted, marked);
    }
    const { result } = await client.request('textDocument/hover', open('let a = 3 ‸ // x').at);
    assert.equal(result, null);
  });

  it('renames a variable everywhere, inside texts too, and nothing else', async () => {
    const { at, uri } = open('let ‸a = 1\nlet b = a + 1\nprint "a is {a}", b\na = 2\n');
    const { result } = await client.request('textDocument/rename', { ...at, newName: 'first' });
    const edits = (result as { changes: Record<string, readonly TextEdit[]> }).changes[uri] ?? [];
    const places = edits.map(({ range, newText }) => `${range.start.line}:${range.start.character} ${newText}`).sort();
    assert.deepEqual(places, ['0:4 first', '1:8 first', '2:13 first', '3:0 first']);
  });

  it('goes to definitions, of snapshots too', async () => {
    const cases = ['let a = 1\nlet b = ‸a', 'snapshot s\nrestore ‸s', 'for x in 0..2 {\n  print "{‸x}"\n}'];
    for (const marked of cases) {
      const { result } = await client.request('textDocument/definition', open(marked).at);
      const [first] = result as readonly { targetSelectionRange: TextEdit['range'] }[];
      assert.equal(first?.targetSelectionRange.start.line, 0, marked);
    }
  });

  it('lists an outline and folds blocks', async () => {
    const { uri } = open('machine {\n  ram 128M\n}\nlet a = 1\nsnapshot s\nfor x in 0..2 {\n  print x\n}\n');
    const outline = await client.request('textDocument/documentSymbol', { textDocument: { uri } });
    assert.deepEqual(
      (outline.result as readonly SymbolInformation[]).map(({ name }) => name),
      ['a', 's', 'x'],
    );
    const folding = await client.request('textDocument/foldingRange', { textDocument: { uri } });
    const starts = (folding.result as readonly { startLine: number }[]).map(({ startLine }) => startLine);
    assert.ok(starts.includes(0) && starts.includes(5), JSON.stringify(starts));
  });

  it('lays a text out, and leaves what it laid out as it is', async () => {
    const { uri, text } = open(
      'machine{ram  128M;with   used_map}\nlet   a=vmalloc( 64K,prot :PAGE_KERNEL_RO )\n\n\n\nfor x   in 0 .. 3{\nif x==1{print "one",a}else{ print  "{ x : x } y" }\n// why\n\nvfree (a)  }\nexpect  1+2*3==7&&!false\nlet l=[ 1,2 ] [ 0 ]\nprint vtop( a ) . physical, -1\nsnapshot   s\ndiff   s   now\n',
    );
    const laidOut = async (at: string, from: string): Promise<string> => {
      const { result } = await client.request('textDocument/formatting', {
        textDocument: { uri: at },
        options: { tabSize: 2, insertSpaces: true },
      });
      return applied(from, (result ?? []) as readonly TextEdit[]);
    };
    const once = await laidOut(uri, text);
    assert.equal(
      once,
      [
        'machine { ram 128M; with used_map }',
        'let a = vmalloc(64K, prot: PAGE_KERNEL_RO)',
        '',
        'for x in 0..3 {',
        '  if x == 1 {',
        '    print "one", a',
        '  } else {',
        '    print "{x:x} y"',
        '  }',
        '  // why',
        '',
        '  vfree(a)',
        '}',
        'expect 1 + 2 * 3 == 7 && !false',
        'let l = [1, 2][0]',
        'print vtop(a).physical, -1',
        'snapshot s',
        'diff s now',
        '',
      ].join('\n'),
    );
    assert.equal(await laidOut(open(once).uri, once), once);
  });

  it('the examples are laid out already', async () => {
    const folder = join(import.meta.dirname, '../../examples');
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.kmm'))) {
      const text = readFileSync(join(folder, name), 'utf8');
      const { result } = await client.request('textDocument/formatting', {
        textDocument: { uri: open(text).uri },
        options: { tabSize: 2, insertSpaces: true },
      });
      assert.equal(applied(text, (result ?? []) as readonly TextEdit[]), text, name);
    }
  });

  it('shows addresses of a finished run beside their names', async () => {
    const { uri } = open('machine { ram 64M }\nlet a = vmalloc(4K)\nlet n = 3\nlet b = a + 4K\nlet c = 0xffff_8880_0000_0000\n');
    assert.deepEqual(await diagnosticsOf(uri), []);
    const { result } = await client.request('textDocument/inlayHint', {
      textDocument: { uri },
      range: { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } },
    });
    const hints = (result as readonly { label: string; position: Position }[]).map(({ label, position }) => `${position.line} ${label}`);
    assert.deepEqual(hints, ['1 : 0xffffc90000000000', '3 : 0xffffc90000001000']);
  });

  it('a scenario that does not end gives no hints and holds nothing up', async () => {
    const { uri } = open('machine { ram 64M }\nlet a = 0xffff_0000\nwhile true { a = a + 1 }\n');
    assert.deepEqual(await diagnosticsOf(uri), []);
    const { error } = await client.request('textDocument/inlayHint', {
      textDocument: { uri },
      range: { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } },
    });
    assert.equal(error, undefined);
  });

  it('answers what it does not know, and what makes no sense, with errors; and goes on', async () => {
    const unknown = await client.request('textDocument/noSuchThing', {});
    assert.equal(unknown.error?.code, -32601);
    const absent = await client.request('textDocument/hover', {
      textDocument: { uri: 'file:///nowhere.kmm' },
      position: { line: 5, character: 5 },
    });
    assert.ok(absent.error !== undefined || absent.result === null);
    const nonsense = await client.request('textDocument/hover', { textDocument: 7 });
    assert.notEqual(nonsense.error, undefined);
    const outside = await client.request('textDocument/hover', { ...open('let a = 1').at, position: { line: 900, character: 900 } });
    assert.equal(outside.error, undefined);
  });
});

describe('malformed messages', () => {
  it('a body that is no JSON is passed over', async () => {
    const client = new LanguageClientProcess();
    await client.initialize();
    client.raw('Content-Length: 7\r\n\r\n{"a": x');
    client.open('file:///tmp/after.kmm', 'print 1');
    const told = await client.heard('textDocument/publishDiagnostics', () => true);
    assert.deepEqual((told as { diagnostics: unknown[] }).diagnostics, []);
    client.end();
    await client.ended;
  });

  it('the end of the input ends the server', async () => {
    const client = new LanguageClientProcess();
    await client.initialize();
    client.end();
    assert.notEqual(await client.ended, null);
  });
});

function applied(text: string, edits: readonly TextEdit[]): string {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const offset = ({ line, character }: Position): number => (starts[line] ?? text.length) + character;
  return [...edits]
    .sort((a, b) => offset(b.range.start) - offset(a.range.start))
    .reduce((whole, { range, newText }) => whole.slice(0, offset(range.start)) + newText + whole.slice(offset(range.end)), text);
}

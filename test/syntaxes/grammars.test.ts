/** What the grammars colour: each language's words, and whole texts of real kernels of which nothing may be left over. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { machineFeatures, machineSettings } from '../../debug-adapter/scenario/machine-settings.ts';
import { scenarioCatalogue } from '../../debug-adapter/session/scenario.ts';
import { absent, truthText } from '../support/dumps.ts';
import { smallMachines } from '../support/processes.ts';
import { noTextMate, tokensOf } from './tokens.ts';
import type { Token } from './tokens.ts';

const skip = noTextMate ?? false;

async function lineOf(language: string, text: string): Promise<readonly Token[]> {
  const [tokens] = await tokensOf(language, text);
  return tokens ?? [];
}

/** Pieces of a text that no rule of its grammar took, once each. */
async function leftOver(language: string, text: string): Promise<string[]> {
  const lines = await tokensOf(language, text);
  return [...new Set(lines.flatMap((tokens) => tokens.filter(([, scope]) => scope === '').map(([piece]) => piece.trim())))];
}

describe('ptdump', { skip }, () => {
  it('addresses, size, attributes, level', async () => {
    assert.deepEqual(await lineOf('ptdump', '0xffff888000000000-0xffff888000200000           2M     RW         PSE     GLB NX pmd'), [
      ['0xffff888000000000', 'constant.numeric.address'],
      ['-', ''],
      ['0xffff888000200000', 'constant.numeric.address'],
      ['2M', 'constant.numeric.size'],
      ['RW', 'keyword.other.attribute'],
      ['PSE', 'keyword.other.attribute'],
      ['GLB', 'keyword.other.attribute'],
      ['NX', 'keyword.other.attribute'],
      ['pmd', 'storage.type.level'],
    ]);
    assert.deepEqual(await lineOf('ptdump', '---[ vmalloc() Area ]---'), [['---[ vmalloc() Area ]---', 'markup.heading.marker']]);
    assert.deepEqual(await lineOf('ptdump', '... 131059 entries skipped ... '), [['... 131059 entries skipped ...', 'comment.line']]);
  });

  it('writable and executable stands out', async () => {
    const scopeOf = async (line: string): Promise<string | undefined> =>
      (await lineOf('ptdump', line)).find(([piece]) => piece === 'RW')?.[1];
    const start = '0xffffc90000000000-0xffffc90000001000           4K ';
    assert.equal(await scopeOf(`${start}    RW                 GLB x  pte`), 'invalid.illegal.writable-executable');
    assert.equal(await scopeOf(`${start}    RW                 GLB NX pte`), 'keyword.other.attribute');
  });

  for (const dump of smallMachines) {
    it(`the whole dump of ${dump}`, { skip: absent(dump) ?? false }, async () => {
      const left = await leftOver('ptdump', truthText(dump, 'ptdump-kernel.txt'));
      // The dash of a range, and what riscv prints for a bit that is not set.
      assert.deepEqual(
        left.filter((piece) => !/^[-.\s]+$/.test(piece)),
        [],
      );
    });
  }
});

describe('kernel log', { skip }, () => {
  it('time, trouble, functions, registers', async () => {
    const lines = await tokensOf(
      'dmesg',
      [
        '[   11.618006] BUG: KASAN: wild-memory-access in ptdump_pte_entry+0x39/0x60',
        '<4>[   12.000001][    T0] RIP: 0010:note_page+0x146/0x649',
        '[   12.000002] CR2: ffff8890779ff000 CR3: 0000000c54a12000',
        '[   12.000003] Unable to handle kernel paging request at virtual address dead000000000100',
        '[   12.000004] general protection fault: 0000 [#1] SMP',
      ].join('\n'),
    );
    const scoped = lines.map((tokens) => tokens.filter(([, scope]) => scope !== ''));
    assert.deepEqual(scoped, [
      [
        ['[   11.618006]', 'comment.line.timestamp'],
        ['BUG:', 'invalid.illegal.problem'],
        ['KASAN:', 'invalid.illegal.problem'],
        ['ptdump_pte_entry+0x39/0x60', 'entity.name.function'],
      ],
      [
        ['<4>[   12.000001][    T0]', 'comment.line.timestamp'],
        ['RIP', 'variable.language.register'],
        ['note_page+0x146/0x649', 'entity.name.function'],
      ],
      [
        ['[   12.000002]', 'comment.line.timestamp'],
        ['CR2', 'variable.language.register'],
        ['ffff8890779ff000', 'constant.numeric.address'],
        ['CR3', 'variable.language.register'],
        ['0000000c54a12000', 'constant.numeric.address'],
      ],
      [
        ['[   12.000003]', 'comment.line.timestamp'],
        ['Unable to handle kernel paging request', 'invalid.illegal.problem'],
        ['dead000000000100', 'constant.numeric.address'],
      ],
      [
        ['[   12.000004]', 'comment.line.timestamp'],
        ['general protection fault:', 'invalid.illegal.problem'],
      ],
    ]);
  });

  it('every line of a real log begins with its time', { skip: absent('x86-64') ?? false }, async () => {
    const text = truthText('x86-64', 'dmesg.txt').trimEnd();
    const lines = await tokensOf('dmesg', text);
    assert.ok(lines.length > 100);
    for (const [index, tokens] of lines.entries()) assert.equal(tokens[0]?.[1], 'comment.line.timestamp', text.split('\n')[index]);
  });
});

describe('vmallocinfo', { skip }, () => {
  it('range, size, caller, facts, kind', async () => {
    assert.deepEqual(
      await lineOf('vmallocinfo', '0xffffb3cac0005000-0xffffb3cac0007000    8192 fx2_init+0x30c/0xbc8 pages=1 vmalloc N0=1'),
      [
        ['0xffffb3cac0005000', 'constant.numeric.address'],
        ['-', ''],
        ['0xffffb3cac0007000', 'constant.numeric.address'],
        ['8192', 'constant.numeric.size'],
        ['fx2_init+0x30c/0xbc8', 'entity.name.function'],
        ['pages', 'variable.parameter'],
        ['=', ''],
        ['1', 'constant.numeric'],
        ['vmalloc', 'keyword.other.kind'],
        ['N0', 'variable.parameter'],
        ['=', ''],
        ['1', 'constant.numeric'],
      ],
    );
  });

  for (const dump of ['x86-64', 'x86-64-efi', 'i386-pae-pti', 'arm64-4k', 's390x', 'ppc64le']) {
    it(`all of ${dump}`, { skip: absent(dump) ?? false }, async () => {
      assert.deepEqual(
        (await leftOver('vmallocinfo', truthText(dump, 'vmallocinfo.txt'))).filter((piece) => !/^[-=\s]+$/.test(piece)),
        [],
      );
    });
  }
});

describe('vmcoreinfo', { skip }, () => {
  it('keys, names and values', async () => {
    assert.deepEqual(await lineOf('vmcoreinfo', 'SYMBOL(init_uts_ns)=ffffffff82c2b4c0'), [
      ['SYMBOL', 'keyword.other'],
      ['(', ''],
      ['init_uts_ns', 'variable.other'],
      [')=', ''],
      ['ffffffff82c2b4c0', 'constant.other'],
    ]);
    assert.deepEqual(await lineOf('vmcoreinfo', 'KERNELOFFSET=1f400000'), [
      ['KERNELOFFSET', 'keyword.other'],
      ['=', ''],
      ['1f400000', 'constant.other'],
    ]);
  });

  it('all of a real note', { skip: absent('x86-64') ?? false }, async () => {
    const left = await leftOver('vmcoreinfo', truthText('x86-64', 'vmcoreinfo.txt'));
    assert.deepEqual(
      left.filter((piece) => !/^[()=]+$/.test(piece)),
      [],
    );
  });
});

describe('scenarios', { skip }, () => {
  it('a machine', async () => {
    assert.deepEqual(await lineOf('kmm', 'machine { ram 128M; paging x86-32-pae; pti on; with efi, kasan; pci_hole 1G..4G }'), [
      ['machine', 'keyword.other.machine'],
      ['{', 'punctuation.section.block.begin'],
      ['ram', 'support.type.property-name'],
      ['128M', 'constant.numeric.decimal'],
      [';', 'meta.machine'],
      ['paging', 'support.type.property-name'],
      ['x86-32-pae', 'constant.language'],
      [';', 'meta.machine'],
      ['pti', 'support.type.property-name'],
      ['on', 'constant.language'],
      [';', 'meta.machine'],
      ['with', 'keyword.other.feature'],
      ['efi, kasan', 'constant.language.feature'],
      [';', 'meta.machine'],
      ['pci_hole', 'support.type.property-name'],
      ['1G', 'constant.numeric.decimal'],
      ['..', 'keyword.operator'],
      ['4G', 'constant.numeric.decimal'],
      ['}', 'punctuation.section.block.end'],
    ]);
  });

  it('statements, calls, flags, texts with what is worked out in them', async () => {
    const scoped = async (line: string): Promise<Token[]> => (await lineOf('kmm', line)).filter(([, scope]) => scope !== '');
    assert.deepEqual(await scoped('let a = mmap(64K, prot: PROT_READ | PROT_WRITE) // why'), [
      ['let', 'storage.type'],
      ['a', 'variable.other.definition'],
      ['=', 'keyword.operator'],
      ['mmap', 'support.function'],
      ['64K', 'constant.numeric.decimal'],
      ['prot', 'variable.parameter'],
      ['PROT_READ', 'constant.other.flag'],
      ['|', 'keyword.operator'],
      ['PROT_WRITE', 'constant.other.flag'],
      ['// why', 'comment.line.double-slash'],
    ]);
    assert.deepEqual(await scoped('print "a is {a.b:x}\\n"'), [
      ['print', 'keyword.other'],
      ['"', 'string.quoted.double'],
      ['a is', 'string.quoted.double'],
      ['{', 'punctuation.section.embedded.begin'],
      ['a', 'variable.other'],
      ['.', 'meta.embedded'],
      ['b', 'variable.other.property'],
      [':', 'meta.embedded'],
      ['x', 'constant.language.format'],
      ['}', 'punctuation.section.embedded.end'],
      ['\\n', 'constant.character.escape'],
      ['"', 'string.quoted.double'],
    ]);
    assert.deepEqual(await scoped('expect vfree(a) fails "double free"'), [
      ['expect', 'keyword.control'],
      ['vfree', 'support.function'],
      ['a', 'variable.other'],
      ['fails', 'keyword.control'],
      ['"', 'string.quoted.double'],
      ['double free', 'string.quoted.double'],
      ['"', 'string.quoted.double'],
    ]);
    assert.deepEqual(await scoped('diff before now'), [
      ['diff', 'keyword.other'],
      ['before', 'entity.name.label'],
      ['now', 'entity.name.label'],
    ]);
  });

  it('a text that lacks its end, and a comment of several lines, spoil nothing behind them', async () => {
    const lines = await tokensOf('kmm', 'print "open {a\nlet b = 1\n/* one\ntwo */ let c = 0xffff_0000');
    assert.equal(lines[1]?.[0]?.[1], 'storage.type');
    assert.deepEqual(lines[3]?.map(([, scope]) => scope).slice(-1), ['constant.numeric.hex']);
    assert.equal(lines[3].find(([piece]) => piece === 'let')?.[1], 'storage.type');
  });

  it('knows every keyword, setting and feature of the language', async () => {
    for (const keyword of ['for', 'in', 'while', 'if', 'else', 'as', 'expect', 'fails'])
      assert.equal((await lineOf('kmm', `${keyword} x`))[0]?.[1], 'keyword.control', keyword);
    for (const setting of Object.keys(machineSettings)) {
      const [, , token] = await lineOf('kmm', `machine { ${setting} on }`);
      assert.deepEqual(token, [setting, 'support.type.property-name']);
    }
    for (const feature of Object.keys(machineFeatures)) {
      const tokens = await lineOf('kmm', `machine { with ${feature} }`);
      assert.deepEqual(tokens[3], [feature, 'constant.language.feature']);
    }
    for (const flag of scenarioCatalogue.flags.keys()) {
      const tokens = await lineOf('kmm', `f(${flag})`);
      assert.equal(tokens.find(([piece]) => piece === flag)?.[1], 'constant.other.flag', flag);
    }
  });

  it('finds the comments of the examples, and no call that there is not', async () => {
    const folder = join(import.meta.dirname, '../../examples');
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.kmm'))) {
      const text = readFileSync(join(folder, name), 'utf8');
      const lines = await tokensOf('kmm', text);
      const pieces = (scope: RegExp): string[] =>
        lines.flatMap((tokens) => tokens.filter(([, one]) => scope.test(one)).map(([piece]) => piece));
      const comments = [...text.matchAll(/^\s*\/\/.*$/gm)].map(([comment]) => comment.trim());
      assert.deepEqual(pieces(/^comment/), comments, name);
      assert.ok(
        pieces(/^support\.function/).every((call) => scenarioCatalogue.find(call) !== undefined),
        name,
      );
    }
  });
});

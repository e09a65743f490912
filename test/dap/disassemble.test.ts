/**
 * Instructions of real kernels: their boundaries held against other decoders, calls against the symbols; and the DAP
 * request at every kind of place.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import type { InstructionSet } from '../../debug-adapter/base/machine-code.ts';
import { InstructionReader } from '../../debug-adapter/arch/instruction.ts';
import { loadDecoders } from '../../debug-adapter/platform/capstone.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { DisassemblyFacts, InstructionFacts } from '../../debug-adapter/protocol/disassembly.ts';
import { openDisassembler } from '../../debug-adapter/session/disassembly.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { KernelSymbol } from '../../debug-adapter/symbols/symbol-table.ts';
import { absent, bundled, dumpFolder, expandedDump } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';
import { runInProcess } from '../support/in-process.ts';
import { RawClient } from './raw-client.ts';

const decoders = await loadDecoders();
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** What GNU objdump (x86) or LLVM's llvm-mc is told of each machine; what calls look like; bytes behind a function's start where calls may enter it. */
const machines: readonly {
  readonly name: string;
  readonly other: readonly string[];
  readonly call: RegExp;
  readonly entries: readonly number[];
}[] = [
  { name: 'x86-64', other: ['i386:x86-64'], call: /^callq/, entries: [0] },
  { name: 'i386-pae-pti', other: ['i386'], call: /^calll/, entries: [0] },
  { name: 'arm64-4k', other: ['--triple=aarch64', '--mattr=+v8.6a,+mte'], call: /^bl /, entries: [0] },
  { name: 'riscv64-sv48', other: ['--triple=riscv64', '--mattr=+m,+a,+c,+f,+d'], call: /^jalr? /, entries: [0] },
  { name: 's390x', other: ['--triple=s390x', '--mcpu=z13'], call: /^brasl /, entries: [0] },
  // The local entry point lies behind the two instructions that set up r2 (ELFv2 ABI).
  { name: 'ppc64le', other: ['--triple=powerpc64le'], call: /^bl /, entries: [0, 8] },
];

/** Sizes of the instructions in `bytes` as another decoder has them; undefined where it knows one of them not. */
function sizesByOthers(bytes: Uint8Array, options: readonly string[]): readonly number[] | undefined {
  const [machine = ''] = options;
  return machine.startsWith('--') ? sizesByLlvm(bytes, options) : sizesByObjdump(bytes, machine);
}

function sizesByLlvm(bytes: Uint8Array, options: readonly string[]): readonly number[] | undefined {
  const input = Array.from(bytes, (byte) => `0x${byte.toString(16)}`).join(' ');
  const { stdout, stderr } = spawnSync('llvm-mc', ['--disassemble', '--show-encoding', ...options], { input, encoding: 'utf8' });
  if (stderr.includes('invalid instruction encoding')) return undefined;
  return [...stdout.matchAll(/encoding: \[([^\]]*)\]/g)].map(([, encoding = '']) => encoding.split(',').length);
}

function sizesByObjdump(bytes: Uint8Array, machine: string): readonly number[] | undefined {
  const file = join(mkdtempSync(join(tmpdir(), 'pagewalk-')), 'code');
  writeFileSync(file, bytes);
  const { stdout } = spawnSync('objdump', ['-D', '-w', '-z', '-b', 'binary', '-m', machine, file], { encoding: 'utf8' });
  rmSync(dirname(file), { recursive: true });
  if (stdout.includes('(bad)')) return undefined;
  return [...stdout.matchAll(/^ +[0-9a-f]+:\t((?:[0-9a-f]{2} )+)/gm)].map(([, codes = '']) => codes.trim().split(' ').length);
}

const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const tools = isThere('llvm-mc') && isThere('objdump');

for (const { name, other, call, entries } of machines) {
  const folder = dumpFolder(name);
  describe(`instructions, ${name}`, { skip: folder === undefined ? (absent(name) ?? true) : false }, () => {
    if (folder === undefined) return;
    const session = openSession(nodeHost(), { paths: [expandedDump(name, 'vmcore.elf')] });
    const code = openDisassembler(decoders, session, undefined);
    const functions: KernelSymbol[] = ['vfs_', 'do_', 'vm', 'kmem_', 'wake_', '__alloc']
      .flatMap((prefix) => session.symbols.withPrefix(prefix, 60))
      .filter(({ type, size }) => /[tT]/.test(type) && size >= 16 && size < 4096);

    test('instructions fill each function, and end where objdump or LLVM says', (t) => {
      assert.ok(functions.length > 80, `${functions.length} functions`);
      if (!tools) {
        t.skip('needs objdump and llvm-mc (Debian packages binutils and llvm)');
        return;
      }
      let compared = 0;
      for (const symbol of functions.filter((_, index) => index % 8 === 0)) {
        const { instructions } = code.function(symbol.address, 10_000);
        const { bytes } = session.readVirtual(symbol.address, symbol.size);
        const sizes = sizesByOthers(bytes, other);
        if (sizes === undefined || instructions.some(({ valid }) => !valid)) continue;
        compared++;
        assert.deepEqual(
          instructions.map((one) => one.bytes.split(' ').length),
          sizes,
          symbol.name,
        );
      }
      assert.ok(compared >= 8, `${compared} functions were compared`);
    });

    test('every call leads to the start of a function', () => {
      let calls = 0;
      for (const symbol of functions) {
        for (const { text, reference, address } of code.function(symbol.address, 10_000).instructions) {
          if (!call.test(text) || reference?.branch !== true) continue;
          const target = session.symbols.resolve(toAddress(BigInt(reference.address)));
          assert.ok(target, `${address}: ${text}`);
          // riscv calls its own next instruction nowhere, and jal zero is a jump, which the library calls j.
          assert.ok(entries.includes(target.offset), `${address}: ${text}`);
          assert.match(target.symbol.type, /[tTwW]/);
          calls++;
        }
      }
      assert.ok(calls > 300, `${calls} calls`);
    });

    test('instructions before an address are those that lead to it', () => {
      for (const symbol of functions.filter((_, index) => index % 10 === 0)) {
        const whole = code.function(symbol.address, 10_000).instructions;
        const middle = Math.floor(whole.length / 2);
        const at = whole[middle];
        assert.ok(at);
        const { instructions } = code.around(toAddress(BigInt(at.address)), { skip: -middle, count: whole.length });
        assert.deepEqual(instructions, whole, symbol.name);
        const further = code.around(symbol.address, { skip: -7, count: 9 }).instructions;
        assert.equal(further.length, 9);
        assert.equal(further[7]?.address, hex(symbol.address));
        checkChain(further);
      }
    });
  });
}

/** Each begins where the one before ends. */
function checkChain(instructions: readonly InstructionFacts[]): void {
  for (const [index, one] of instructions.entries()) {
    const next = instructions[index + 1];
    if (next === undefined || one.bytes === '') continue;
    assert.equal(BigInt(one.address) + BigInt(one.bytes.split(' ').length), BigInt(next.address), one.text);
  }
}

describe('addresses in operands', () => {
  const explain = (set: InstructionSet, address: bigint, code: string): readonly string[] => {
    const bytes = Buffer.from(code.replaceAll(' ', ''), 'hex');
    const reader = new InstructionReader(set);
    let at = address;
    return decoders(set)
      .decode(bytes, address, 100)
      .map((instruction) => {
        const { text, reference } = reader.read(instruction, at);
        at += BigInt(instruction.size);
        return `${text}${reference === undefined ? '' : ` -> ${hex(reference.address)}${reference.branch ? ' branch' : ''}`}`.replace(
          / +/g,
          ' ',
        );
      });
  };

  // The codes are the manuals': each branch goes so far as its field says, from where its architecture counts.
  const cases: readonly [InstructionSet, bigint, string, readonly string[]][] = [
    [
      'x86-64',
      0xffffffff81000000n,
      'e8fbffffff 488b0510000000 48c7c7000080a0',
      [
        'callq 0xffffffff81000000 -> 0xffffffff81000000 branch',
        'movq 0x10(%rip), %rax -> 0xffffffff8100001c',
        'movq $0xffffffffa0800000, %rdi -> 0xffffffffa0800000',
      ],
    ],
    ['x86-32', 0xc1000000n, 'e8fbffffff a1000080c1', ['calll 0xc1000000 -> 0xc1000000 branch', 'movl 0xc1800000, %eax -> 0xc1800000']],
    [
      'arm64',
      0xffff800080000000n,
      '02000094 01000090 21400091 c0035fd6',
      [
        'bl #0xffff800080000008 -> 0xffff800080000008 branch',
        'adrp x1, #0xffff800080000000',
        'add x1, x1, #0x10 -> 0xffff800080000010',
        'ret',
      ],
    ],
    ['arm', 0xc0008000n, 'feffffeb 0500000a', ['bl #0xc0008000 -> 0xc0008000 branch', 'beq #0xc0008020 -> 0xc0008020 branch']],
    ['thumb', 0xc0008000n, 'fff7feff 00d0', ['bl #0xc0008000 -> 0xc0008000 branch', 'beq #0xc0008008 -> 0xc0008008 branch']],
    [
      'riscv64',
      0xffffffff80000000n,
      '97100000 e780c012 ef00400c e3cca5fe',
      [
        'auipc ra, 1',
        'jalr ra, ra, 0x12c -> 0xffffffff8000112c branch',
        'jal 0xffffffff800000cc -> 0xffffffff800000cc branch',
        'blt a1, a0, 0xffffffff80000004 -> 0xffffffff80000004 branch',
      ],
    ],
    [
      's390x',
      0x100000n,
      'c0e500001000 c01000001000 a7f40008',
      ['brasl %r14, 0x102000 -> 0x102000 branch', 'larl %r1, 0x102006 -> 0x102006', 'j 0x10001c -> 0x10001c branch'],
    ],
    [
      'ppc64',
      0xc000000000001000n,
      '48000101 41820010 4e800020',
      ['bl 0xc000000000001100 -> 0xc000000000001100 branch', 'beq 0xc000000000001014 -> 0xc000000000001014 branch', 'blr'],
    ],
    [
      'mips64',
      0xffffffff80100000n,
      '0c040010 00000000 10400003 00000000',
      ['jal 0xffffffff80100040 -> 0xffffffff80100040 branch', 'nop', 'beqz $v0, 0xffffffff80100018 -> 0xffffffff80100018 branch', 'nop'],
    ],
    ['mips64le', 0xffffffff80100000n, '1000040c 00000000', ['jal 0xffffffff80100040 -> 0xffffffff80100040 branch', 'nop']],
    ['sparc64', 0x400000n, '40000004 01000000 02800003', ['call 0x400010 -> 0x400010 branch', 'nop', 'be 0x400014 -> 0x400014 branch']],
  ];
  for (const [set, address, code, expected] of cases) {
    test(set, () => {
      assert.deepEqual(explain(set, address, code), expected);
    });
  }

  test('bytes that are no code end in no exception', () => {
    const sets = cases.map(([set]) => set);
    fc.assert(
      fc.property(
        fc.constantFrom(...sets),
        fc.uint8Array({ maxLength: 64 }),
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        (set, bytes, address) => {
          const reader = new InstructionReader(set);
          let done = 0;
          for (const one of decoders(set).decode(bytes, address, 100)) {
            const { reference } = reader.read(one, address + BigInt(done));
            done += one.size;
            if (reference !== undefined) assert.ok(reference.address >= 0n && reference.address < 1n << 64n);
          }
          assert.ok(done <= bytes.length);
        },
      ),
    );
  });
});

describe('the disassemble request', () => {
  interface Body {
    readonly instructions: readonly {
      address: string;
      instruction: string;
      instructionBytes?: string;
      symbol?: string;
      presentationHint?: string;
    }[];
  }
  const folder = dumpFolder('x86-64');
  const skip = folder === undefined ? (absent('x86-64') ?? true) : false;

  test('a frame is decoded around its instruction pointer: exactly as many as asked for', { skip }, async () => {
    const client = new RawClient();
    await client.body('initialize', {}).then((body) => {
      assert.equal((body as { supportsDisassembleRequest?: boolean }).supportsDisassembleRequest, true);
    });
    await client.body('launch', { image: expandedDump('x86-64', 'vmcore.elf') });
    await client.body('configurationDone');
    const { stackFrames } = await client.body<{ stackFrames: { instructionPointerReference?: string }[] }>('stackTrace', { threadId: 1 });
    const memoryReference = stackFrames[0]?.instructionPointerReference;
    assert.ok(memoryReference !== undefined);
    const ask = (more: object): Promise<Body> => client.body<Body>('disassemble', { memoryReference, instructionCount: 10, ...more });
    for (const instructionOffset of [-200, -50, -9, -1, 0, 1, 30]) {
      for (const instructionCount of [0, 1, 50, 400]) {
        const { instructions } = await ask({ instructionOffset, instructionCount, resolveSymbols: true });
        assert.equal(instructions.length, instructionCount);
        const here = instructions[-instructionOffset];
        if (here !== undefined && instructionOffset <= 0) assert.equal(here.address, memoryReference);
        assert.ok(instructions.every(({ symbol }) => symbol !== undefined));
      }
    }
    const behind = (await ask({ instructionOffset: 3 })).instructions[0];
    assert.deepEqual((await ask({})).instructions[3], behind);
    assert.equal(behind?.symbol, undefined);
    const nearBottom = (await ask({ memoryReference: '0x2', instructionOffset: -5 })).instructions;
    assert.deepEqual(
      nearBottom.slice(0, 6).map(({ address }) => address),
      ['0x0', '0x0', '0x0', '0x0', '0x1', '0x2'],
    );
    assert.ok(
      nearBottom.every(({ presentationHint, instructionBytes }) => presentationHint === 'invalid' && instructionBytes === undefined),
    );
    const nearTop = (await ask({ memoryReference: '0xfffffffffffffffe', instructionOffset: 0, instructionCount: 5 })).instructions;
    assert.equal(nearTop.length, 5);
    assert.equal(nearTop.at(-1)?.address, '0xffffffffffffffff');
    for (const wrong of [
      { memoryReference: 'nonsense' },
      { instructionCount: -1 },
      { instructionCount: 1e9 },
      { instructionOffset: -1e9 },
    ]) {
      const reply = await client.ask('disassemble', { memoryReference, instructionCount: 10, ...wrong });
      assert.equal(reply.success, false, JSON.stringify(wrong));
    }
    const console = await client.body<{ result: string }>('evaluate', { expression: '.disassemble vfs_read 3', context: 'repl' });
    assert.match(console.result, /^0x[0-9a-f]+ <vfs_read\+0x0>: .*\n0x[0-9a-f]+ <vfs_read\+0x[0-9a-f]+>: .*\n.*$/);
    await client.body('disconnect');
  });

  test('text that the dump has not says why; the command line tells it in one line', async () => {
    const plain = await runInProcess(nodeHost(), 'disassemble', bundled.image, 'pv_native_safe_halt');
    assert.equal(plain.status, 1);
    assert.match(plain.text, /^0xffffffffa4a93f80 <pv_native_safe_halt\+0x0> +\?\? \(page 0x7a93 was left out of the dump .*\)\n$/);
    const json = await runInProcess(nodeHost(), 'disassemble', bundled.image, 'pv_native_safe_halt', '4', '--before', '2', '--json');
    assert.equal(json.status, 1);
    const facts = JSON.parse(json.text) as DisassemblyFacts;
    assert.equal(facts.instructionSet, 'x86-64');
    assert.deepEqual(
      facts.instructions.map(({ address, valid }) => [address, valid]),
      [0x3f7e, 0x3f7f, 0x3f80, 0x3f81, 0x3f82, 0x3f83].map((low) => [`0xffffffffa4a9${low.toString(16)}`, false]),
    );
  });
});

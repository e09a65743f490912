/** What `info` says of a file, held against makedumpfile's report of what it wrote, and against crash's of the same dump. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { InfoFacts } from '../../debug-adapter/protocol/facts.ts';
import { absent, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';
import { infoOf } from './info-of.ts';

const name = 'x86-64-debian-6.12';
const missing = spawnSync('makedumpfile', ['-v']).status === 0 ? undefined : 'needs makedumpfile, which is not installed';

function fact(info: InfoFacts, wanted: string): string | undefined {
  return info.header.find((one) => one.name === wanted)?.value;
}

/** By elf(5): what segments have in memory and not in the file. */
function missingBytes(file: Buffer): number {
  let bytes = 0;
  for (let index = 0; index < file.readUInt16LE(56); index++) {
    const at = Number(file.readBigUInt64LE(32)) + index * 56;
    if (file.readUInt32LE(at) === 1) bytes += Number(file.readBigUInt64LE(at + 40) - file.readBigUInt64LE(at + 32));
  }
  return bytes;
}

describe("crash's report", { skip: absent(name) ?? false }, () => {
  const said = new Map(
    truthText(name, 'crash/sys.txt')
      .split('\n')
      .flatMap((line) => {
        const [, key, value] = /^\s*([A-Z ]+): (.*)$/.exec(line) ?? [];
        return key === undefined || value === undefined ? [] : [[key, value.trim()] as const];
      }),
  );
  const mini = (file: string): string => join(dumpFolder(name) ?? '', 'mini', file);

  test('the whole dump: release, CPUs, tasks', () => {
    const info = infoOf(expandedDump(name, 'dump.elf'));
    assert.equal(info.release, said.get('RELEASE'));
    assert.equal(String(info.cpus), said.get('CPUS'));
    // crash counts the idle task of each CPU.
    assert.equal(String((info.tasks ?? 0) + info.cpus), said.get('TASKS'));
    assert.deepEqual([info.format, info.compression], ['ELF vmcore', []]);
  });

  for (const [file, format, compression] of [
    ['mini-zlib.kdump', 'kdump-compressed', 'zlib'],
    ['mini-lzo.kdump', 'kdump-compressed', 'lzo'],
    ['mini-snappy.kdump', 'kdump-compressed', 'snappy'],
    ['mini-zstd.kdump', 'kdump-compressed', 'zstd'],
    ['mini-zlib.flat', 'flattened kdump-compressed', 'zlib'],
    ['mini-zstd.flat', 'flattened kdump-compressed', 'zstd'],
    ['mini-split.2', 'split kdump-compressed (3 files)', 'zstd'],
  ] as const) {
    test(`${file}: the header's own words are the kernel's`, () => {
      const info = infoOf(mini(file));
      assert.deepEqual([info.format, info.compression], [format, [compression]]);
      assert.equal(info.release, said.get('RELEASE'));
      for (const [header, key] of [
        ['nodename', 'NODENAME'],
        ['release', 'RELEASE'],
        ['kernel version', 'VERSION'],
      ] as const)
        assert.equal(fact(info, header), said.get(key), header);
      assert.ok(said.get('MACHINE')?.startsWith(`${fact(info, 'machine') ?? ''} `));
      assert.equal(String(info.cpus), said.get('CPUS'));
    });
  }
});

for (const [machine, file] of [
  [name, 'dump.elf'],
  ['x86-64', 'vmcore.elf'],
] as const) {
  describe(`makedumpfile's report on ${machine}`, { skip: missing ?? absent(machine) ?? false }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'pagewalk-info-'));
    before(() => {
      // Its program headers right behind the ELF header, the one place where makedumpfile looks.
      const bytes = readFileSync(expandedDump(machine, file));
      const offset = Number(bytes.readBigUInt64LE(32));
      bytes.copy(bytes, 64, offset, offset + bytes.readUInt16LE(56) * 56);
      bytes.writeBigUInt64LE(64n, 32);
      bytes.fill(0, 40, 48).fill(0, 58, 64);
      writeFileSync(join(folder, 'in.elf'), bytes);
    });
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    for (const [options, compression] of [
      [['-c', '-d', '0'], 'zlib'],
      [['-l', '-d', '1'], 'lzo'],
      [['-d', '2'], undefined],
      [['-c', '-d', '31'], 'zlib'],
      [['-E', '-d', '31'], undefined],
    ] as const) {
      test(options.join(' '), () => {
        const output = join(folder, 'out');
        rmSync(output, { force: true });
        const made = spawnSync('makedumpfile', ['--show-stats', ...options, join(folder, 'in.elf'), output], { encoding: 'utf8' });
        assert.equal(made.status, 0, made.stderr);
        const pages = (label: string): number => {
          const [, text] = new RegExp(`^ *${label} *: (0x[0-9a-f]+)`, 'm').exec(`${made.stdout}\n${made.stderr}`) ?? [];
          assert.ok(text !== undefined, `${label} in ${made.stdout}`);
          return Number(text);
        };
        const [original, excluded, zero] = [pages('Original pages'), pages('Excluded pages'), pages('Pages filled with zero')];
        const info = infoOf(output);
        assert.deepEqual(info.compression, compression === undefined ? [] : [compression]);
        if (options[0] === '-E') {
          assert.equal(info.format, 'ELF vmcore');
          // Runs of at least 256 pages, excluded or of zeros, are no bytes of the file; shorter ones are zeros in it.
          const left = missingBytes(readFileSync(output));
          assert.match(fact(info, 'left out') ?? '', new RegExp(`^${left} bytes: `));
          assert.ok(left > 2 ** 20 && left <= excluded * 4096, `${left} of ${excluded * 4096}`);
          return;
        }
        assert.equal(info.format, 'kdump-compressed');
        assert.equal(info.memory.dumpLevel, Number(options.at(-1)));
        assert.equal(fact(info, 'pages in RAM'), String(original));
        // Pages of zeros are among those that it calls excluded, and in the file: all share one.
        assert.equal(fact(info, 'pages left out'), String(excluded - zero));
        assert.equal(fact(info, 'pages dumped'), String(pages('Remaining pages') + zero));
        const level = Number(options.at(-1));
        const words = ['zero pages', 'page cache without', 'page cache with private', 'user pages', 'free pages'];
        words.forEach((word, bit) => {
          assert.equal((fact(info, 'left out') ?? '').includes(word), (level & (1 << bit)) !== 0, word);
        });
      });
    }
  });
}

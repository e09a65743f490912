/**
 * The dumps of ten machines in the forms that makedumpfile would write, made here: it knows the kernels of its own architecture
 * alone, and few of those (makedumpfile.test.ts has what it makes itself). Each form says what the machine's kernel said.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openElfCore } from '../../debug-adapter/image/elf-core.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { dumpRuns } from '../builders/file-host.ts';
import { buildFlattened } from '../builders/flattened.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import type { BuiltKdump, BuiltPage } from '../builders/kdump.ts';
import { absent, expandedDump, truthText } from '../support/dumps.ts';
import { memoryHost } from '../support/memory-host.ts';

interface Machine {
  readonly folder: string;
  /** utsname's word for it. */
  readonly name: string;
  readonly littleEndian?: boolean;
  readonly wide?: boolean;
  readonly pageSize?: number;
  readonly truth?: string;
}

const machines: readonly Machine[] = [
  { folder: 'x86-64', name: 'x86_64' },
  { folder: 'x86-64-efi', name: 'x86_64' },
  { folder: 'x86-64-kasan', name: 'x86_64' },
  { folder: 'i386-pae-pti', name: 'i686', wide: false },
  { folder: 'arm64-4k', name: 'aarch64' },
  { folder: 'arm64-64k', name: 'aarch64', pageSize: 65_536 },
  { folder: 'riscv64-sv48', name: 'riscv64' },
  { folder: 's390x', name: 's390x', littleEndian: false },
  { folder: 'ppc64le', name: 'ppc64le', pageSize: 65_536 },
];

/** The machine's memory in a kdump file: pages of zeros share one, others are compressed; notes as the ELF dump has them. */
function kdumpOf({ folder, name, littleEndian = true, wide = true, pageSize = 4096 }: Machine): BuiltKdump {
  const path = expandedDump(folder, 'vmcore.elf');
  const file = readFileSync(path);
  const runs = dumpRuns(path).filter(({ size }) => size >= pageSize);
  const zeros = new Uint8Array(pageSize);
  const pages = new Map<number, BuiltPage>();
  for (const { physical, offset, size } of runs) {
    for (let at = 0; at + pageSize <= size; at += pageSize) {
      const bytes = file.subarray(offset + at, offset + at + pageSize);
      pages.set((physical + at) / pageSize, { bytes: Buffer.compare(bytes, zeros) === 0 ? undefined : bytes, codec: 'zlib' });
    }
  }
  const source = nodeHost().openFile(path);
  const image = openElfCore(source, { format: 'ELF' });
  const vmcoreinfo = image.vmcoreinfo?.text;
  image.close();
  return {
    version: 6,
    machine: name,
    littleEndian,
    wide,
    // IA-32 aligns 64-bit members to 4 bytes.
    packed: !wide,
    blockSize: pageSize,
    maxFrame: Math.max(...pages.keys()) + 1,
    ram: runs.map(({ physical, size }) => [physical / pageSize, Math.floor((physical + size) / pageSize)] as const),
    pages,
    dumpLevel: 0,
    notes: notesOf(file),
    ...(vmcoreinfo === undefined ? {} : { vmcoreinfo }),
  };
}

/** The first PT_NOTE by elf(5). */
function notesOf(file: Buffer): Uint8Array {
  const wide = file[4] === 2;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const little = file[5] === 1;
  const word = (at: number): number => (wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const first = word(wide ? 32 : 28);
  const size = view.getUint16(wide ? 54 : 42, little);
  for (let at = first; ; at += size) {
    if (view.getUint32(at, little) !== 4) continue;
    const offset = word(at + (wide ? 8 : 4));
    return file.subarray(offset, offset + word(at + (wide ? 32 : 16)));
  }
}

for (const machine of machines) {
  const { folder } = machine;
  describe(`forms of ${folder}`, { skip: absent(folder) ?? false }, () => {
    const forms: Record<string, () => Record<string, Uint8Array>> = {
      'kdump-compressed': () => ({ dump: bytesOf(buildKdump(kdumpOf(machine))) }),
      'flattened kdump-compressed': () => ({ dump: buildFlattened({ records: buildKdump(kdumpOf(machine)).writes }) }),
      'split kdump-compressed (3 files)': () => {
        const whole = kdumpOf(machine);
        const numbers = [...whole.pages.keys()].sort((a, b) => a - b);
        // Odd borders.
        const borders = [
          0,
          (numbers[Math.floor(numbers.length / 3)] ?? 0) + 1,
          (numbers[Math.floor(numbers.length / 2)] ?? 0) + 3,
          whole.maxFrame,
        ];
        const part = (index: number): Uint8Array =>
          bytesOf(buildKdump({ ...whole, split: [borders[index] ?? 0, borders[index + 1] ?? 0] }));
        return { dump: part(1), one: part(0), two: part(2) };
      },
      'flattened ELF vmcore': () => {
        const file = readFileSync(expandedDump(folder, 'vmcore.elf'));
        const piece = 1_000_003;
        const records = Array.from({ length: Math.ceil(file.length / piece) }, (_, index) => ({
          offset: index * piece,
          bytes: file.subarray(index * piece, (index + 1) * piece),
        }));
        return { dump: buildFlattened({ records: records.reverse() }) };
      },
    };
    for (const [format, files] of Object.entries(forms)) {
      test(format, () => {
        const session = openSession(memoryHost(files()), { paths: ['dump'] });
        assert.equal(session.info().format, format);
        assert.equal(session.vmallocinfoText(), truthText(folder, 'vmallocinfo.txt'));
        const text = session.ptdumpLines({}).map((line) => `${line.text}\n`);
        assert.equal(text.join(''), truthText(folder, 'ptdump-kernel.txt'));
        session.close();
      });
    }
  });
}

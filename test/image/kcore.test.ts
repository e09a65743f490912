/**
 * /proc/kcore: the head that a running 6.12 wrote over the RAM of the dump of the same moment, and built files of every era,
 * each held against the ELF dump of the same memory; how page_offset_base is deduced from each (a question of 2018).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { errors, UserError } from '../../debug-adapter/base/errors.ts';
import type { ByteSource } from '../../debug-adapter/base/host.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { infoText } from '../../debug-adapter/command-line/text.ts';
import { dumpRuns, fileHost, pieceOf, pieceOfFile, sparseFile } from '../builders/file-host.ts';
import type { SparseFile } from '../builders/file-host.ts';
import { kcoreFile, kcoreHead, noPhysical } from '../builders/kcore-file.ts';
import type { KcoreSegment, KcoreShape } from '../builders/kcore-file.ts';
import { absent, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';

function openKcore(file: SparseFile): Session {
  return openSession(fileHost({ '/proc/kcore': file.open }), { paths: ['/proc/kcore'] });
}

/** Each method's verdict, by the first words of its name. */
function verdicts(session: Session): Record<string, string> {
  const short: readonly (readonly [string, RegExp])[] = [
    ['variable', /variable/],
    ['note', /VMCOREINFO/],
    ['last', /^the last PT_LOAD/],
    ['first', /^the first PT_LOAD/],
    ['tables', /page tables/],
    ['constant', /since 4\.20/],
    ['former constant', /before 4\.20/],
  ];
  return Object.fromEntries(
    session
      .info()
      .pageOffsetMethods.map(({ method, agrees }) => [
        short.find(([, pattern]) => pattern.test(method))?.[0] ?? method,
        agrees === null ? 'nothing' : agrees ? 'agrees' : 'differs',
      ]),
  );
}

const ptdumpOf = (session: Session): string =>
  session
    .ptdumpLines({})
    .map(({ text }) => `${text}\n`)
    .join('');

describe("a running kernel's own head", { skip: absent('x86-64-debian-6.12') ?? false }, () => {
  /** The head that the guest read from its /proc/kcore, over the RAM of the dump taken right after. */
  function guestKcore(): { file: SparseFile; path: string } {
    const path = expandedDump('x86-64-debian-6.12', 'dump.elf');
    const head = readFileSync(join(dumpFolder('x86-64-debian-6.12') ?? '', 'truth/guest/kcore.head'));
    const runs = dumpRuns(path);
    const pieces = [pieceOf(0, head)];
    const count = head.readUInt16LE(56);
    let end = 0;
    for (let index = 0; index < count; index++) {
      const at = 64 + index * 56;
      const [offset, , physical, size] = [8, 16, 24, 32].map((field) => head.readBigUInt64LE(at + field));
      assert.ok(offset !== undefined && physical !== undefined && size !== undefined);
      end = Math.max(end, Number(offset + size));
      if (head.readUInt32LE(at) !== 1 || physical === noPhysical) continue;
      const run = runs.find((one) => one.physical <= Number(physical) && Number(physical) < one.physical + one.size);
      assert.ok(run);
      pieces.push(pieceOfFile(Number(offset), { path, start: run.offset + Number(physical) - run.physical, size: Number(size) }));
    }
    return { file: sparseFile(pieces, end), path };
  }

  test('answers as the ELF dump does', () => {
    const { file, path } = guestKcore();
    const kcore = openKcore(file);
    const dump = openSession(nodeHost(), { paths: [path] });
    assert.equal(kcore.vmallocinfoText(), dump.vmallocinfoText());
    assert.equal(ptdumpOf(kcore), ptdumpOf(dump));
    assert.deepEqual(kcore.tasks(), dump.tasks());
    const [ours, theirs] = [kcore.info(), dump.info()];
    assert.equal(ours.format, '/proc/kcore');
    for (const key of ['release', 'kaslrOffset', 'physBase', 'pageOffset', 'vmallocBase', 'vmemmapBase', 'symbols', 'types'] as const) {
      assert.deepEqual(ours[key], theirs[key], key);
    }
    assert.deepEqual(ours.warnings, []);
    assert.deepEqual(ours.memory.ranges, [
      { start: '0x1000', end: '0x9f000' },
      { start: '0x100000', end: '0xffdd000' },
    ]);
    assert.equal(ours.cpus, 0, 'the note of zeros is no CPU');
    assert.deepEqual(ours.header.find(({ name }) => name === 'segments')?.value, '1 text, 1 vmalloc, 1 modules, 2 ram, 2 vmemmap');
    assert.deepEqual(verdicts(kcore), {
      variable: 'agrees',
      note: 'nothing',
      last: 'agrees',
      first: 'agrees',
      tables: 'agrees',
      constant: 'differs',
      'former constant': 'differs',
    });
    assert.equal(ours.evidence.find(({ source }) => source === 'the PT_LOAD that holds _stext')?.value, theirs.physBase);
    dump.close();
    kcore.close();
  });

  test('32 TiB of vmalloc space are not read to open it, nor by a question about one address', () => {
    const { file } = guestKcore();
    const kcore = openKcore(file);
    kcore.translate(toAddress(0xffff_ffff_a3e0_0000n));
    assert.ok(file.readBytes < 8 * 1024 * 1024, `${file.readBytes} bytes were read`);
    assert.ok(file.farthest <= 2 ** 47 + 2 ** 20);
    kcore.close();
  });
});

describe('built files over the RAM of a dump', { skip: absent('x86-64') ?? false }, () => {
  // FX2 layout and /proc/iomem of this machine.
  const layout = (name: string): bigint => {
    const value = new RegExp(`FX2 layout ${name}=(0x[0-9a-f]+)`).exec(truthText('x86-64', 'dmesg.txt'))?.[1];
    assert.ok(value, name);
    return BigInt(value);
  };
  const told = (key: string): string => {
    const line = truthText('x86-64', 'vmcoreinfo.txt')
      .split('\n')
      .find((one) => one.startsWith(`${key}=`));
    assert.ok(line, key);
    return line.slice(key.length + 1);
  };

  function machine() {
    const path = expandedDump('x86-64', 'vmcore.elf');
    const pageOffset = layout('PAGE_OFFSET');
    const stext = BigInt(`0x${told('SYMBOL(_stext)')}`);
    const physBase = BigInt(told('NUMBER(phys_base)'));
    const text: KcoreSegment = { virtual: stext, physical: stext - 0xffff_ffff_8000_0000n + physBase, size: 0xe0_0000n };
    const vmalloc: KcoreSegment = {
      virtual: layout('VMALLOC_START'),
      physical: noPhysical,
      size: layout('VMALLOC_END') - layout('VMALLOC_START'),
    };
    const modules: KcoreSegment = { virtual: 0xffff_ffff_c000_0000n, physical: noPhysical, size: 0x3f00_0000n };
    const vmemmapBase = BigInt(`0x${told('SYMBOL(vmemmap)')}`);
    const vmemmap: KcoreSegment = { virtual: vmemmapBase, physical: noPhysical, size: 0x1f_8000n };
    const ram: KcoreSegment[] = [
      { virtual: pageOffset + 0x1000n, physical: 0x1000n, size: 0x9e000n },
      { virtual: pageOffset + 0x10_0000n, physical: 0x10_0000n, size: 0x7ee_0000n },
    ];
    // setup_cpu_entry_areas of 4.19: the entry trampoline of a CPU, mapped from the kernel's text.
    const remap: KcoreSegment = { virtual: 0xffff_fe00_0000_6000n, physical: text.physical + 0x20_0000n, size: 0x1000n };
    return { path, pageOffset, text, vmalloc, modules, vmemmap, ram, remap, runs: dumpRuns(path) };
  }
  type Machine = ReturnType<typeof machine>;

  function build(
    of: Machine,
    shape: Pick<KcoreShape, 'segments'> & Partial<KcoreShape>,
    extra?: { virtual: bigint; bytes: Uint8Array }[],
  ): SparseFile {
    return kcoreFile(
      { offsetBits: 47, size: 2 ** 47, vmcoreinfo: truthText('x86-64', 'vmcoreinfo.txt'), ...shape },
      {
        dump: { path: of.path, runs: of.runs },
        mapped: [...of.ram, of.text, of.remap].map(({ virtual, physical, size }) => ({ virtual, physical, size })),
        ...(extra === undefined ? {} : { extra }),
      },
    );
  }

  function sameAsTheKernelSaid(session: Session): void {
    assert.equal(session.info().format, '/proc/kcore');
    assert.equal(session.vmallocinfoText(), truthText('x86-64', 'vmallocinfo.txt'));
    assert.equal(ptdumpOf(session), truthText('x86-64', 'ptdump-kernel.txt'));
    assert.equal(session.info().pageOffset, `0x${layout('PAGE_OFFSET').toString(16)}`);
    assert.deepEqual(session.info().memory.ranges, [
      { start: '0x1000', end: '0x9f000' },
      { start: '0x100000', end: '0x7fe0000' },
    ]);
  }

  test('the order of 6.x, with 128 TiB as its size', () => {
    const of = machine();
    const session = openKcore(build(of, { segments: [of.text, of.vmalloc, of.modules, ...of.ram.flatMap((ram) => [ram, of.vmemmap])] }));
    sameAsTheKernelSaid(session);
    assert.deepEqual([verdicts(session)['first'], verdicts(session)['last']], ['agrees', 'agrees']);
    session.close();
  });

  test('4.19: KCORE_REMAP comes first, and misleads who takes the first PT_LOAD', () => {
    const of = machine();
    const user: KcoreSegment = { virtual: 0xffff_ffff_ff60_0000n, physical: noPhysical, size: 0x1000n };
    const session = openKcore(
      build(of, { segments: [user, of.remap, of.text, of.vmalloc, of.modules, ...of.ram.flatMap((ram) => [ram, of.vmemmap])] }),
    );
    sameAsTheKernelSaid(session);
    assert.deepEqual(verdicts(session), {
      variable: 'agrees',
      note: 'nothing',
      last: 'agrees',
      first: 'differs',
      tables: 'agrees',
      constant: 'differs',
      'former constant': 'differs',
    });
    const info = session.info();
    const first = info.pageOffsetMethods.find(({ method }) => method.startsWith('the first'));
    assert.equal(first?.value, `0x${(of.remap.virtual - of.remap.physical).toString(16)}`);
    assert.equal(
      info.header.find(({ name }) => name === 'segments')?.value,
      '1 user, 1 remap, 1 text, 1 vmalloc, 1 modules, 2 ram, 2 vmemmap',
    );
    assert.ok(!info.warnings.some((warning) => warning.startsWith('pageOffset')), 'a method known to mislead is no contradiction');
    const text = infoText(info);
    assert.match(text, /^page_offset_base, by each method$/m);
    assert.match(text, /^ {2}agrees {3}0xffff984840000000 {2}the last PT_LOAD/m);
    assert.match(text, /^ {2}differs {2}0x[0-9a-f]+ +the first PT_LOAD .*KCORE_REMAP segments of 4\.19/m);
    assert.match(text, /^ {2}nothing {2}- +VMCOREINFO NUMBER\(page_offset_base\) \(no released kernel writes it\)$/m);
    session.close();
  });

  test('4.11 to 4.18: no VMCOREINFO in the notes; it is found in RAM', () => {
    const of = machine();
    const head = { offsetBits: 47, size: 2 ** 47, segments: [of.text, of.vmalloc, of.modules, ...of.ram] };
    const session = openKcore(kcoreFile(head, { dump: { path: of.path, runs: of.runs }, mapped: [...of.ram, of.text] }));
    sameAsTheKernelSaid(session);
    session.close();
  });

  test('before 4.11: every p_paddr is 0, and RAM follows from the virtual addresses', () => {
    const of = machine();
    const segments = [of.text, of.vmalloc, of.modules, ...of.ram.flatMap((ram) => [ram, of.vmemmap])].map((one) => ({
      ...one,
      physical: 0n,
    }));
    const head = { offsetBits: 47, size: 2 ** 47, segments };
    const session = openKcore(kcoreFile(head, { dump: { path: of.path, runs: of.runs }, mapped: [...of.ram, of.text] }));
    sameAsTheKernelSaid(session);
    assert.equal(session.info().header.find(({ name }) => name === 'segments')?.value, '1 text, 1 vmalloc, 1 modules, 2 ram, 2 vmemmap');
    session.close();
  });

  test('RAM that is missing from a saved copy: addresses are read by the segments, where the tables cannot be followed', () => {
    const of = machine();
    const line = truthText('x86-64', 'vmallocinfo.txt').split('\n')[0] ?? '';
    const area = BigInt(`0x${/^0x([0-9a-f]+)/.exec(line)?.[1]}`);
    const marked = new TextEncoder().encode('what the kernel read through its own tables');
    const session = openKcore(
      build({ ...of, ram: [] }, { segments: [of.text, of.vmalloc, of.modules] }, [{ virtual: area, bytes: marked }]),
    );
    const { bytes, holes } = session.readVirtual(toAddress(area), marked.length);
    assert.deepEqual([bytes, holes], [marked, []]);
    const direct = session.readVirtual(toAddress(of.pageOffset + 0x10_0000n), 8);
    assert.equal(direct.holes.length, 1, 'no segment has the direct map');
    const banner = session.memory().cString(needSymbol(session, 'linux_banner'));
    assert.match(banner, /^Linux version 6\.12/);
    session.close();
  });

  for (const [what, size] of [
    ['tells no size', Number.MAX_SAFE_INTEGER],
    ['tells 128 TiB', 2 ** 47 + 0x3000],
  ] as const) {
    test(`the live file ${what}, and some of its pages cannot be read`, () => {
      const of = machine();
      const bad = of.pageOffset + 0x40_0000n;
      const { virtual: vmallocStart } = of.vmalloc;
      const shape = { segments: [of.text, of.vmalloc, of.modules, ...of.ram], size, offsetBits: 47 };
      const { offsetOf } = kcoreHead({ ...shape, vmcoreinfo: truthText('x86-64', 'vmcoreinfo.txt') });
      const file = build(of, shape);
      const unreadable = [
        [Number(offsetOf(bad)), 0x2000],
        [Number(offsetOf(vmallocStart + (8n << 40n))), 0x1000],
      ] as const;
      const open = (name: string): ByteSource => {
        const source = file.open(name);
        const read = (offset: number, length: number): Uint8Array => {
          if (unreadable.some(([start, bytes]) => offset < start + bytes && start < offset + length)) throw errors.notReadable(name, 'EIO');
          return source.read(offset, length);
        };
        return { ...source, read };
      };
      const session = openSession(fileHost({ kcore: open }), { paths: ['kcore'] });
      sameAsTheKernelSaid(session);
      const { holes } = session.readVirtual(toAddress(bad - 0x1000n), 0x4000);
      assert.deepEqual(
        holes.map(({ offset, length, reason }) => [offset, length, reason.kind]),
        [[0x1000, 0x2000, 'io-error']],
      );
      assert.match(holes[0]?.reason.message ?? '', /^kcore: cannot be read \(EIO\)/);
      assert.ok(file.readBytes < 2 ** 27, `${file.readBytes} bytes were read`);
      // A page that has only a virtual address says so, too.
      const image = openImage(fileHost({ kcore: open }), ['kcore']);
      const frame = image.virtualMemory?.frameOf(Number((vmallocStart + (8n << 40n)) >> 12n)) ?? -1;
      assert.ok(frame >= 2 ** 52);
      assert.equal(image.memory.frame(frame), undefined);
      assert.equal(image.memory.partialFrame(frame).holes[0]?.reason.kind, 'io-error');
      image.close();
      session.close();
    });
  }

  test('what the tables say is not mapped is not mapped, although the segment would give zeros', () => {
    const of = machine();
    const session = openKcore(build(of, { segments: [of.text, of.vmalloc, of.modules, ...of.ram] }));
    const end = of.vmalloc.virtual + (16n << 40n);
    const { holes } = session.readVirtual(toAddress(end), 8);
    assert.equal(holes[0]?.reason.kind, 'not-mapped');
    session.close();
  });
});

function needSymbol(session: Session, name: string): ReturnType<typeof toAddress> {
  const found = session.symbols.find(name);
  assert.ok(found, name);
  return found.address;
}

describe('shapes of kcore', () => {
  const ram = (virtual: bigint, physical: bigint, size = 0x1000n): KcoreSegment => ({ virtual, physical, size });
  const at = (file: SparseFile, host = fileHost({ kcore: file.open })) => openImage(host, ['kcore']);

  /** A file whose RAM segments hold their own physical page number in each page. */
  function numbered(shape: KcoreShape, mapped: readonly KcoreSegment[]): SparseFile {
    const head = kcoreHead(shape);
    const pieces = mapped.map(({ virtual, physical, size }) =>
      pieceOf(
        Number(head.offsetOf(virtual)),
        Uint8Array.from({ length: Number(size) }, (_, index) => Number(physical / 4096n) + (index >> 12)),
      ),
    );
    return sparseFile([pieceOf(0, head.bytes), ...pieces], shape.size);
  }

  test('5 levels: RAM is read; the image and vmalloc space, at offsets that no file can hold, are no failure', () => {
    // Figures of a running 6.12 with LA57.
    const segments = [
      { virtual: 0xffff_ffff_8100_0000n, physical: 0x100_0000n, size: 0x2c3_0000n },
      { virtual: 0xffa0_0000_0000_0000n, physical: noPhysical, size: 0x31_ffff_ffff_ffffn },
      { virtual: 0xffff_ffff_c000_0000n, physical: noPhysical, size: 0x3f00_0000n },
      ram(0xff11_0000_0000_1000n, 0x1000n, 0x9_e000n),
      { virtual: 0xffd4_0000_0000_0000n, physical: noPhysical, size: 0x3000n },
      ram(0xff11_0000_0010_0000n, 0x10_0000n, 0x2000n),
    ];
    const shape: KcoreShape = { segments, offsetBits: 56, size: Number.MAX_SAFE_INTEGER, vmcoreinfo: 'OSRELEASE=6.12\n' };
    const image = at(
      numbered(
        shape,
        segments.filter(({ virtual, physical }) => physical !== noPhysical && virtual < 0xff12n << 48n),
      ),
    );
    assert.equal(image.format, '/proc/kcore');
    assert.deepEqual(image.memory.ranges, [
      { start: 0x1000, end: 0x9f000 },
      { start: 0x10_0000, end: 0x10_2000 },
    ]);
    assert.deepEqual([image.memory.frame(5)?.[9], image.memory.frame(0x101)?.[0]], [5, 1]);
    assert.deepEqual(image.warnings, []);
    assert.equal(image.headerFacts.find(({ name }) => name === 'segments')?.value, '1 text, 1 vmalloc, 1 modules, 2 ram, 1 vmemmap');
    assert.equal(image.virtualMemory?.frameOf(0xf_fa00_0000_0000), -1);
  });

  test('32-bit x86 before 4.11: RAM lies below vmalloc space', () => {
    const segments = [ram(0xc800_0000n, 0n, 0x3000_0000n), ram(0xc000_0000n, 0n, 0x4000n)];
    const shape: KcoreShape = { segments, offsetBits: 30, size: 2 ** 32, narrow: true };
    const image = at(numbered(shape, [ram(0xc000_0000n, 0n, 0x4000n)]));
    assert.deepEqual(image.memory.ranges, [{ start: 0, end: 0x4000 }]);
    assert.equal(image.memory.frame(3)?.[0], 3);
  });

  test('an arm64 kcore before 4.11 cannot be placed, and says what to do', () => {
    const { bytes } = kcoreHead({
      segments: [ram(0xffff_0000_0000_0000n, 0n), ram(0xffff_8000_0000_0000n, 0n)],
      offsetBits: 47,
      size: 2 ** 47,
    });
    bytes[18] = 183;
    assert.throws(
      () => at(sparseFile([pieceOf(0, bytes)], 2 ** 47)),
      (error) => error instanceof UserError && /tells no physical addresses \(kernels before 4\.11\).*take a dump with/.test(error.message),
    );
  });

  test('pages of virtual segments have frame numbers that no machine has', () => {
    const segments = [
      ram(0xffff_8880_0000_1000n, 0x1000n),
      { virtual: 0xffff_c900_0000_0000n, physical: noPhysical, size: 0x1fff_ffff_ffffn },
    ];
    const shape: KcoreShape = { segments, offsetBits: 47, size: 2 ** 47, vmcoreinfo: '' };
    const image = at(numbered(shape, [segments[0] ?? ram(0n, 0n)]));
    const { memory, virtualMemory } = image;
    assert.ok(virtualMemory);
    const frame = virtualMemory.frameOf(0xf_fff8_8800_0001);
    assert.ok(frame > 2 ** 44 && Number.isSafeInteger(frame));
    assert.equal(memory.frame(frame)?.[0], 1);
    assert.equal(virtualMemory.frameOf(0xf_fff8_8800_0002), -1);
    assert.ok(virtualMemory.frameOf(0xf_fffe_8fff_ffff) > 0, 'the page whose last byte the segment lacks');
  });
});

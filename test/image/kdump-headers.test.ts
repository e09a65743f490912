/** kdump files built field by field: every header version, width, byte order, codec and block size, and what flags mean. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import type { HoleKind } from '../../debug-adapter/memory/hole.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import type { ImageOptions } from '../../debug-adapter/image/image-format.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { buildKdump, bytesOf, pack } from '../builders/kdump.ts';
import type { BuiltCodec, BuiltKdump, BuiltPage } from '../builders/kdump.ts';
import { memoryHost } from '../support/memory-host.ts';

/** A page that compresses and is not the same in any two places. */
function pattern(page: number, size = 4096): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (page * 7 + (index >>> 4) + (index & 3)) & 0xff);
}

/** Whichever of Node's classes holds them. */
function sameBytes(actual: Uint8Array | undefined, expected: Uint8Array, message?: string): void {
  assert.deepEqual(actual === undefined ? undefined : Uint8Array.from(actual), expected, message);
}

function built(dump: Partial<BuiltKdump> = {}): BuiltKdump {
  const size = dump.blockSize ?? 4096;
  return {
    maxFrame: 64,
    ram: [
      [0, 40],
      [48, 64],
    ],
    pages: new Map<number, BuiltPage>([
      [1, { bytes: pattern(1, size), codec: 'zlib' }],
      [2, { bytes: undefined }],
      [3, { bytes: pattern(3, size) }],
      [50, { bytes: pattern(50, size), codec: 'zlib' }],
      [51, { bytes: undefined }],
    ]),
    dumpLevel: 31,
    vmcoreinfo: 'OSRELEASE=6.1.0\nPAGESIZE=4096\n',
    physBase: -0x1000_0000n,
    eraseInfo: 'erase jprobe_ops.secret 64\n',
    ...dump,
  };
}

function open(dump: BuiltKdump, options?: ImageOptions): Image {
  return openImage(memoryHost({ dump: bytesOf(buildKdump(dump)) }), ['dump'], options);
}

function reason(image: Image, frame: number): { kind: HoleKind; message: string } | undefined {
  return image.memory.frame(frame) === undefined ? image.memory.partialFrame(frame).holes[0]?.reason : undefined;
}

function checkPages(image: Image, dump: BuiltKdump): void {
  const size = dump.blockSize ?? 4096;
  for (const [page, { bytes }] of dump.pages) {
    for (let part = 0; part < size / 4096; part++) {
      const frame = image.memory.frame((page * size) / 4096 + part);
      sameBytes(frame, (bytes ?? new Uint8Array(size)).subarray(part * 4096, (part + 1) * 4096), `page ${page}, part ${part}`);
    }
  }
  assert.equal(reason(image, (4 * size) / 4096)?.kind, 'excluded');
  assert.equal(reason(image, (44 * size) / 4096)?.kind, 'not-ram');
  assert.equal(reason(image, (1000 * size) / 4096)?.kind, 'not-ram');
  assert.deepEqual(image.memory.ranges, [
    { start: 0, end: 40 * size },
    { start: 48 * size, end: 64 * size },
  ]);
}

describe('header versions, widths and byte orders', () => {
  for (const version of [1, 2, 3, 4, 5, 6]) {
    for (const [shape, machine] of [
      [{ wide: true, littleEndian: true }, 'x86_64'],
      [{ wide: true, littleEndian: false }, 's390x'],
      [{ wide: false, littleEndian: true, packed: true }, 'i686'],
      [{ wide: false, littleEndian: true }, 'armv7l'],
      [{ wide: false, littleEndian: false }, 'ppc'],
    ] as const) {
      const name = `version ${version}, ${shape.wide ? 64 : 32}-bit, ${shape.littleEndian ? 'little' : 'big'}-endian, ${machine}`;
      test(name, () => {
        const dump = built({ ...shape, version, machine });
        const image = open(dump);
        checkPages(image, dump);
        assert.equal(image.dumpLevel, 31);
        assert.equal(image.vmcoreinfo?.text, version >= 3 ? dump.vmcoreinfo : undefined);
        assert.equal(image.eraseInfo, version >= 5 ? dump.eraseInfo : undefined);
        assert.equal(image.machine?.littleEndian, shape.littleEndian);
        assert.equal(image.machine.pointerSize, shape.wide ? 8 : 4);
        const facts = new Map(image.headerFacts.map((fact) => [fact.name, fact.value]));
        assert.equal(facts.get('version'), String(version));
        assert.equal(facts.get('phys_base'), shape.wide ? '0xfffffffff0000000' : '0xf0000000');
        assert.equal(facts.get('pages in RAM'), '56');
        assert.equal(facts.get('pages dumped'), '5');
        assert.equal(facts.get('pages left out'), '51');
        if (version >= 5) assert.equal(facts.get('erased'), 'erase jprobe_ops.secret 64');
        assert.deepEqual(image.warnings, []);
      });
    }
  }

  test("QEMU's big-endian header of a little-endian guest is told as the header says; page bytes stay as they are", () => {
    const dump = built({ littleEndian: false, machine: 'ppc64', blockSize: 65536 });
    const image = open(dump);
    checkPages(image, dump);
    assert.deepEqual(image.machine, { architecture: 'ppc64', littleEndian: false, pointerSize: 8 });
  });

  test('a 64-bit header of a 32-bit machine', () => {
    assert.deepEqual(open(built({ machine: 'i686' })).machine, { architecture: 'x86-32', littleEndian: true, pointerSize: 4 });
  });

  test('as many pages as a 32-bit header has where a 64-bit one has its block size', () => {
    // 4096 to 65536 pages read as a plausible block size in the other width.
    for (const maxFrame of [4096, 8192, 32768, 65536]) {
      for (const machine of ['i686', 'nonesuch']) {
        const dump = built({ wide: false, packed: true, machine, maxFrame });
        if (machine === 'nonesuch') assert.throws(() => open(dump), /is a dump of nonesuch, an architecture that Pagewalk does not know/);
        else checkPages(open(dump), dump);
      }
    }
  });

  test('a header that names no machine leaves it open', () => {
    assert.equal(open(built({ machine: '' })).machine, undefined);
  });

  test('a version that is not known yet is read as the newest, and told', () => {
    const image = open(built({ version: 7 }));
    assert.match(image.warnings.join(), /has version 7; it is read as version 6/);
  });

  test("a DISKDUMP file's sub-header tells nothing", () => {
    const image = open(built({ signature: 'DISKDUMP', vmcoreinfo: '', eraseInfo: '' }));
    assert.equal(image.dumpLevel, undefined);
    assert.equal(
      image.headerFacts.find(({ name }) => name === 'phys_base'),
      undefined,
    );
    sameBytes(image.memory.frame(3), pattern(3));
  });
});

describe('pages', () => {
  for (const codec of ['raw', 'zlib', 'lzo', 'snappy', 'zstd'] as const satisfies readonly BuiltCodec[]) {
    for (const blockSize of [4096, 8192, 16384, 65536]) {
      test(`${codec}, blocks of ${blockSize} bytes`, () => {
        const pages = new Map<number, BuiltPage>([1, 2, 39, 50].map((page) => [page, { bytes: pattern(page, blockSize), codec }]));
        const dump = built({ blockSize, pages });
        // Data that did not get smaller is stored as it is; these streams may be larger than their page.
        const fits = codec === 'raw' || codec === 'zlib';
        const image = open(
          fits ? dump : built({ blockSize, pages: new Map([...pages].map(([page]) => [page, shrunk(page, codec, blockSize)])) }),
        );
        if (fits) checkPages(image, dump);
        else for (const page of pages.keys()) sameBytes(image.memory.frame((page * blockSize) / 4096), new Uint8Array(4096).fill(page));
        assert.deepEqual(image.compression, codec === 'raw' ? [] : [codec]);
      });
    }
  }

  test('a page is decompressed once while it is kept, and the cache is bounded', () => {
    const pages = new Map<number, BuiltPage>(
      Array.from({ length: 40 }, (_, page) => [page, { bytes: pattern(page), codec: 'zlib' as const }]),
    );
    const host = memoryHost({ dump: bytesOf(buildKdump(built({ pages }))) });
    let inflated: Uint8Array[] = [];
    const count = (): number => inflated.length;
    const counting = {
      ...host,
      codecs: {
        inflate: (input: Uint8Array, size: number) => {
          inflated.push(input);
          return host.codecs.inflate(input, size);
        },
      },
    };
    const roomy = openImage(counting, ['dump']);
    for (let round = 0; round < 5; round++) for (let page = 0; page < 40; page++) sameBytes(roomy.memory.frame(page), pattern(page));
    assert.equal(count(), 40);
    inflated = [];
    const small = openImage(counting, ['dump'], { cacheBytes: 8 * 4096 });
    for (let round = 0; round < 5; round++) for (let page = 0; page < 4; page++) sameBytes(small.memory.frame(page), pattern(page));
    assert.equal(count(), 4);
    for (let page = 0; page < 40; page++) sameBytes(small.memory.frame(page), pattern(page));
    for (let page = 0; page < 4; page++) sameBytes(small.memory.frame(page), pattern(page));
    assert.ok(count() > 40, `${count()} pages were decompressed with a cache of 8`);
  });

  test('a codec is asked for when the first page needs it, and once', () => {
    const pages = new Map<number, BuiltPage>([
      [0, { bytes: undefined }],
      [1, { bytes: pattern(1), codec: 'raw' }],
      [2, { bytes: pattern(2), codec: 'zlib' }],
      [3, { bytes: pattern(3), codec: 'zlib' }],
    ]);
    const host = memoryHost({ dump: bytesOf(buildKdump(built({ pages, status: 0x27 }))) });
    let asked = 0;
    const watched = {
      ...host,
      get codecs() {
        asked++;
        return host.codecs;
      },
    };
    const image = openImage(watched, ['dump']);
    for (const page of [0, 1]) sameBytes(image.memory.frame(page), pages.get(page)?.bytes ?? new Uint8Array(4096));
    assert.equal(asked, 0);
    for (const page of [2, 3]) sameBytes(image.memory.frame(page), pages.get(page)?.bytes ?? new Uint8Array(4096));
    assert.equal(asked, 1);
  });

  test('codecs are met by their pages when the header names none', () => {
    const image = open(built());
    assert.deepEqual(image.compression, []);
    image.memory.frame(1);
    assert.deepEqual(image.compression, ['zlib']);
  });

  test('the header names its codecs before any page is read', () => {
    assert.deepEqual(open(built({ status: 0x21 })).compression, ['zlib', 'zstd']);
  });
});

/** A page of one byte, in a stream of the codec that is smaller than the page. */
function shrunk(page: number, codec: BuiltCodec, size: number): BuiltPage {
  const bytes = new Uint8Array(size).fill(page);
  const repeat = size - 4;
  if (codec === 'lzo') {
    // Four literals, a match of the rest at distance 1, the end mark.
    const more = repeat - 33;
    const zeros = Math.floor((more - 1) / 255);
    const data = Uint8Array.from([21, page, page, page, page, 0x20, ...Array<number>(zeros).fill(0), more - zeros * 255, 0, 0, 0x11, 0, 0]);
    return { bytes, stored: { data, flags: 2 } };
  }
  if (codec === 'snappy') {
    const copies = Math.floor(repeat / 64);
    const rest = repeat % 64;
    const length = [(size & 0x7f) | 0x80, ((size >>> 7) & 0x7f) | (size >>> 14 > 0 ? 0x80 : 0), ...(size >>> 14 > 0 ? [size >>> 14] : [])];
    const copy = (count: number): number[] => [((count - 1) << 2) | 2, 1, 0];
    const data = Uint8Array.from([
      ...length,
      3 << 2,
      page,
      page,
      page,
      page,
      ...Array.from({ length: copies }, () => copy(64)).flat(),
      ...copy(rest),
    ]);
    return { bytes, stored: { data, flags: 4 } };
  }
  // One block of one byte, repeated.
  const data = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0, page]);
  data.writeUInt32LE(size, 5);
  data.writeUIntLE((size << 3) | 3, 9, 3);
  return { bytes, stored: { data, flags: 0x20 } };
}

describe('what is missing says why', () => {
  const holes = (dump: BuiltKdump): ((page: number) => { kind: HoleKind; message: string } | undefined) => {
    const image = open(dump);
    sameBytes(image.memory.frame(3), pattern(3), 'all else is readable');
    return (page) => reason(image, page);
  };
  const with1 = (page: BuiltPage, more: Partial<BuiltKdump> = {}): BuiltKdump =>
    built({
      ...more,
      pages: new Map([
        [1, page],
        [3, { bytes: pattern(3) }],
      ]),
    });

  test('zero pages are there, excluded ones are not', () => {
    const image = open(built());
    sameBytes(image.memory.frame(2), new Uint8Array(4096));
    assert.deepEqual(reason(image, 4), { kind: 'excluded', message: 'page 0x4 was left out of the dump by its writer (dump level 31)' });
  });

  test('the incomplete flag: pages that were never written', () => {
    const dump = with1({ bytes: pattern(1), descriptor: { offset: 0n, size: 0 } }, { status: 8 });
    const image = open(dump);
    assert.match(image.warnings.join(), /was ended early by its writer \(incomplete flag\)/);
    assert.equal(image.headerFacts.find(({ name }) => name === 'flags')?.value, 'incomplete');
    assert.deepEqual(holes(dump)(1), { kind: 'truncated', message: 'the dump was ended before page 0x1 was written' });
  });

  test('the same descriptor without the flag is damage', () => {
    assert.equal(holes(with1({ bytes: pattern(1), descriptor: { offset: 0n, size: 0 } }))(1)?.kind, 'corrupt');
  });

  test('the excluded-vmemmap flag is told', () => {
    const image = open(built({ status: 0x10 }));
    assert.match(image.warnings.join(), /unused struct pages were left out/);
  });

  for (const [what, page, kind, says] of [
    ['data outside the file', { bytes: pattern(1), descriptor: { offset: 1n << 40n } }, 'truncated', /before the data of page 0x1/],
    [
      'data at the largest offset',
      { bytes: pattern(1), descriptor: { offset: (1n << 64n) - 1n } },
      'truncated',
      /before the data of page 0x1/,
    ],
    ['data of 4 GiB', { bytes: pattern(1), descriptor: { size: 0xffff_ffff } }, 'corrupt', /claims 4294967295 bytes for a page of 4096/],
    ['one byte more than a page', { bytes: pattern(1), descriptor: { size: 4097 } }, 'corrupt', /claims 4097 bytes/],
    ['no data', { bytes: pattern(1), descriptor: { size: 0 } }, 'corrupt', /has 0 bytes and no compression that is known \(flags 0x0\)/],
    [
      'zlib of a smaller page',
      { bytes: pattern(1), stored: { data: Buffer.from('789c030000000001', 'hex'), flags: 1 } },
      'corrupt',
      /data at file offset 0x[0-9a-f]+ unpacks to 0 bytes, not 4096/,
    ],
    [
      'zlib of no zlib',
      { bytes: pattern(1), stored: { data: Buffer.from('hello, this is text'), flags: 1 } },
      'corrupt',
      /is no zlib data of a page/,
    ],
    [
      'lzo of no lzo',
      { bytes: pattern(1), stored: { data: Buffer.from('hello, this is text'), flags: 2 } },
      'corrupt',
      /is no lzo data of a page/,
    ],
    [
      'snappy of no snappy',
      { bytes: pattern(1), stored: { data: Buffer.from('hello, this is text'), flags: 4 } },
      'corrupt',
      /is no snappy data of a page|unpacks to/,
    ],
    [
      'zstd of no zstd',
      { bytes: pattern(1), stored: { data: Buffer.from('hello, this is text'), flags: 0x20 } },
      'corrupt',
      /is no zstd data of a page/,
    ],
    [
      'a compression that nobody knows',
      { bytes: pattern(1), stored: { data: Buffer.from('hello'), flags: 0x40 } },
      'corrupt',
      /no compression that is known \(flags 0x40\)/,
    ],
  ] as const) {
    test(what, () => {
      const hole = holes(with1(page))(1);
      assert.equal(hole?.kind, kind);
      assert.match(hole.message, says);
      if (kind === 'corrupt') assert.match(hole.message, /descriptor at file offset 0x[0-9a-f]+/);
    });
  }

  for (const codec of ['zlib', 'lzo', 'snappy', 'zstd'] as const) {
    for (const size of [4095, 4097, 0, 65536]) {
      test(`${codec} of ${size} bytes in a page of 4096`, () => {
        const data = packOf(codec, size);
        assert.ok(data.length < 4096);
        const hole = holes(with1({ bytes: pattern(1), stored: { data, flags: { zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 }[codec] } }))(1);
        assert.equal(hole?.kind, 'corrupt', hole?.message);
      });
    }
  }

  test('a bad block of the disk takes no other page with it', () => {
    const dump = built({ pages: new Map([1, 2, 3, 4].map((page) => [page, { bytes: pattern(page) }])) });
    const bytes = bytesOf(buildKdump(dump));
    const at = bytes.indexOf(pattern(2));
    const image = openImage(memoryHost({ dump: bytes }, [at + 100]), ['dump']);
    sameBytes(image.memory.frame(1), pattern(1));
    sameBytes(image.memory.frame(3), pattern(3));
    assert.equal(reason(image, 2)?.kind, 'io-error');
    assert.match(reason(image, 2)?.message ?? '', /cannot be read \(EIO\)/);
  });
});

/** A stream of one byte `size` times over. */
function packOf(codec: 'zlib' | 'lzo' | 'snappy' | 'zstd', size: number): Uint8Array {
  if (codec === 'zlib') return pack(new Uint8Array(size).fill(7), 'zlib');
  if (size > 0) return shrunk(7, codec, size).stored?.data ?? new Uint8Array();
  return { lzo: Uint8Array.of(0x11, 0, 0), snappy: Uint8Array.of(0), zstd: Buffer.from('28b52ffd2000010000', 'hex') }[codec];
}

describe('each field of the headers at its extremes', () => {
  const dump = built({ notes: new Uint8Array(64) });
  const bytes = bytesOf(buildKdump(dump));
  const fields: readonly (readonly [name: string, offset: number, size: 4 | 8, beyond: bigint])[] = [
    ['header_version', 8, 4, 65n],
    ['status', 424, 4, 0x40n],
    ['block_size', 428, 4, 131_072n],
    ['sub_hdr_size', 432, 4, 5n],
    ['bitmap_blocks', 436, 4, 3n],
    ['max_mapnr', 440, 4, 65_537n],
    ['nr_cpus', 460, 4, 3n],
    ['phys_base', 4096, 8, 1n << 52n],
    ['dump_level', 4104, 4, 32n],
    ['split', 4108, 4, 2n],
    ['start_pfn', 4112, 8, 65n],
    ['end_pfn', 4120, 8, 65n],
    ['offset_vmcoreinfo', 4128, 8, BigInt(bytes.length)],
    ['size_vmcoreinfo', 4136, 8, BigInt(bytes.length)],
    ['offset_note', 4144, 8, BigInt(bytes.length)],
    ['size_note', 4152, 8, BigInt(bytes.length)],
    ['offset_eraseinfo', 4160, 8, BigInt(bytes.length)],
    ['size_eraseinfo', 4168, 8, BigInt(bytes.length)],
    ['start_pfn_64', 4176, 8, 65n],
    ['end_pfn_64', 4184, 8, 65n],
    ['max_mapnr_64', 4192, 8, 65_537n],
  ];
  for (const [name, offset, size, beyond] of fields) {
    for (const value of [0n, (1n << BigInt(size * 8)) - 1n, (1n << BigInt(size * 8 - 1)) - 1n, beyond]) {
      test(`${name} is 0x${value.toString(16)}`, () => {
        const damaged = Buffer.from(bytes);
        if (size === 4) damaged.writeUInt32LE(Number(value), offset);
        else damaged.writeBigUInt64LE(value, offset);
        const host = memoryHost({ dump: damaged });
        let image: Image;
        try {
          image = openImage(host, ['dump']);
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
          assert.match(error.message, /^dump: .*; (?:the file is damaged or incomplete, copy it again|name )/);
          assert.equal(host.open.size, 0);
          return;
        }
        // What opens is read as before, or says why not; it is never another page's bytes.
        for (let page = 0; page < 70; page++) {
          const frame = image.memory.frame(page);
          const expected = dump.pages.get(page);
          if (frame === undefined) assert.ok((image.memory.partialFrame(page).holes[0]?.reason.message ?? '').length > 10);
          else if (
            !name.startsWith('sub_hdr') &&
            !name.startsWith('bitmap') &&
            !name.startsWith('start_pfn') &&
            name !== 'block_size' &&
            !name.startsWith('max_')
          )
            sameBytes(frame, expected?.bytes ?? new Uint8Array(4096), `page ${page}`);
        }
        image.close();
      });
    }
  }
});

/** Split sets: all members or some, in any order, of several dumps, and with odd borders. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { splitSetOf } from '../../debug-adapter/image/split-siblings.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { buildFlattened } from '../builders/flattened.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import type { BuiltKdump, BuiltPage } from '../builders/kdump.ts';
import { absent, dumpFolder, expandedDump } from '../support/dumps.ts';
import { memoryHost } from '../support/memory-host.ts';

const pages = new Map<number, BuiltPage>(
  Array.from({ length: 300 }, (_, index) => index)
    .filter((page) => page % 3 !== 0)
    .map((page) => [page, { bytes: page % 7 === 0 ? undefined : new Uint8Array(4096).fill(page), codec: 'zlib' as const }]),
);
const dump: BuiltKdump = { maxFrame: 300, ram: [[0, 300]], pages, vmcoreinfo: 'OSRELEASE=6.1.0\nCRASHTIME=1\n' };

function members(borders: readonly number[], change: Partial<BuiltKdump> = {}): Record<string, Buffer> {
  const files: Record<string, Buffer> = {};
  borders.slice(0, -1).forEach((start, index) => {
    files[`part${index + 1}`] = bytesOf(buildKdump({ ...dump, ...change, split: [start, borders[index + 1] ?? 0] }));
  });
  return files;
}

/** Pages that are there and right; and those that are missing though the dump has them. */
function check(image: Image): { right: number; missing: number[] } {
  let right = 0;
  const missing: number[] = [];
  for (let page = 0; page < 300; page++) {
    const frame = image.memory.frame(page);
    const built = pages.get(page);
    const reason = frame === undefined ? image.memory.partialFrame(page).holes[0]?.reason : undefined;
    if (built === undefined) assert.equal(reason?.kind, 'excluded', `page ${page}`);
    else if (frame === undefined) {
      assert.equal(reason?.kind, 'truncated', `page ${page}`);
      assert.match(reason.message, /is in a member of the split dump that was not given \(pages 0x[0-9a-f]+-0x[0-9a-f]+\)/);
      missing.push(page);
    } else {
      assert.equal(Buffer.compare(frame, built.bytes ?? new Uint8Array(4096)), 0, `page ${page}`);
      right++;
    }
  }
  return { right, missing };
}

describe('split sets', () => {
  for (const [what, borders] of [
    ['in three equal parts', [0, 100, 200, 300]],
    ['borders within a byte of the bitmap', [0, 1, 13, 14, 222, 300]],
    ['a member of one page that was excluded', [0, 3, 4, 300]],
    ['members without pages, as a writer with more files than it needs makes them', [0, 300, 300, 300]],
    ['one member', [0, 300]],
    ['an end beyond the last page', [0, 150, 4096]],
  ] as const) {
    test(what, () => {
      const files = members(borders);
      const image = openImage(memoryHost(files), Object.keys(files));
      assert.deepEqual(check(image), { right: 200, missing: [] });
      assert.deepEqual(image.warnings, []);
      assert.equal(image.format, `split kdump-compressed (${borders.length - 1} ${borders.length === 2 ? 'file' : 'files'})`);
      assert.equal(image.vmcoreinfo?.text, dump.vmcoreinfo);
      assert.equal(image.headerFacts.find(({ name }) => name === 'pages dumped')?.value, '200');
    });
  }

  test('in any order', () => {
    const files = members([0, 100, 200, 300]);
    for (const order of ['part3,part1,part2', 'part2,part3,part1'])
      assert.equal(check(openImage(memoryHost(files), order.split(','))).right, 200);
  });

  test('in 32-bit files, where start and end are 32 bits wide', () => {
    for (const version of [2, 3, 5, 6]) {
      const files = members([0, 77, 300], { wide: false, packed: true, machine: 'i686', version });
      assert.equal(check(openImage(memoryHost(files), Object.keys(files))).right, 200);
    }
  });

  test('vmcoreinfo of whichever member has it', () => {
    const files = {
      part1: bytesOf(buildKdump({ ...dump, split: [0, 100], vmcoreinfo: '' })),
      part2: members([0, 100, 300])['part2'] ?? Buffer.alloc(0),
    };
    const image = openImage(memoryHost(files), ['part1', 'part2']);
    assert.equal(image.vmcoreinfo?.text, dump.vmcoreinfo);
    assert.equal(check(image).right, 200);
  });

  test('flattened members', () => {
    const [first, second] = [
      [0, 100],
      [100, 300],
    ].map(([start = 0, end = 0]) => buildFlattened({ records: buildKdump({ ...dump, split: [start, end] }).writes }));
    assert.ok(first !== undefined && second !== undefined);
    const image = openImage(memoryHost({ a: first, b: second }), ['a', 'b']);
    assert.equal(check(image).right, 200);
    assert.equal(image.format, 'flattened split kdump-compressed (2 files)');
    assert.equal(check(openImage(memoryHost({ a: first, b: second }), ['a'])).right, 200);
  });
});

describe('a member that is missing', () => {
  for (const [given, range, count] of [
    ['part1,part2', 'pages 0xc8-0x12c (physical 0xc8000-0x12c000), 67 of them dumped', 67],
    ['part1,part3', 'pages 0x64-0xc8 (physical 0x64000-0xc8000), 67 of them dumped', 67],
    ['part2,part3', 'pages 0x0-0x64 (physical 0x0-0x64000), 66 of them dumped', 66],
  ] as const) {
    test(`of three, ${given} are given`, () => {
      const { missing } = check(openImage(memoryHost(members([0, 100, 200, 300])), given.split(',')));
      assert.equal(missing.length, count);
      const image = openImage(memoryHost(members([0, 100, 200, 300])), given.split(','));
      assert.deepEqual(image.warnings, [`a member of the split dump is missing: it held ${range}; name all members, joined by commas`]);
      assert.deepEqual(
        image.headerFacts.flatMap(({ name, value }) => (name === 'missing member' ? [value] : [])),
        [/^pages 0x[0-9a-f]+-0x[0-9a-f]+/.exec(range)?.[0]],
      );
    });
  }

  test('only one is there at all', () => {
    const { part2 } = members([0, 100, 200, 300]);
    const image = openImage(memoryHost({ part2: part2 ?? Buffer.alloc(0) }), ['part2']);
    assert.equal(check(image).right, 67);
    assert.equal(image.warnings.length, 2);
    assert.equal(image.format, 'split kdump-compressed (1 file)');
  });
});

describe('one member is named, and others lie beside it', () => {
  test('they are found by content, whatever they are called', () => {
    const { part1, part2, part3 } = members([0, 100, 200, 300]);
    const files = { 'core-b': part2, readme: Buffer.from('no dump'), zzz: part1, 'a.tmp': part3, empty: Buffer.alloc(0) } as Record<
      string,
      Buffer
    >;
    const host = memoryHost(files);
    const image = openImage(host, ['core-b']);
    assert.equal(check(image).right, 200);
    assert.equal(image.name, 'core-b,zzz,a.tmp');
    assert.equal(host.open.size, 3);
    image.close();
    assert.equal(host.open.size, 0);
  });

  test('members of another dump, whole dumps, and copies are left alone', () => {
    const { part1, part2 } = members([0, 100, 300]);
    const others = members([0, 100, 300], { pages: new Map([...pages].slice(1)) });
    const later = members([0, 100, 300], { vmcoreinfo: 'OSRELEASE=6.1.0\nCRASHTIME=2\n' });
    const files = { part1, whole: bytesOf(buildKdump(dump)), other: others['part2'], later: later['part2'], copy: part1, part2 } as Record<
      string,
      Buffer
    >;
    const host = memoryHost(files);
    const image = openImage(host, ['part1']);
    assert.equal(image.name, 'part1,part2');
    assert.equal(check(image).right, 200);
    assert.deepEqual(image.warnings, [
      'copy: lies beside the split dump and holds pages 0x0-0x64, which another member holds too; it is not used: to have it, name the members, joined by commas',
    ]);
    image.close();
    assert.equal(host.open.size, 0);
  });

  test('a member that lies there twice, once cut short: the whole one is taken, whatever they are called', () => {
    const { part1, part2 } = members([0, 100, 300]) as { part1: Buffer; part2: Buffer };
    const host = memoryHost({ part1, a: part2.subarray(0, part2.length - 5000), part2 });
    const image = openImage(host, ['part1']);
    assert.equal(image.name, 'part1,part2');
    assert.equal(check(image).right, 200);
    assert.match(image.warnings.join(), /^a: lies beside the split dump and holds pages 0x64-0x12c, which another member holds too/);
    image.close();
    assert.deepEqual(splitSetOf(host, 'part1'), [
      { path: 'part1', pages: { start: 0, end: 100 }, taken: true },
      { path: 'part2', pages: { start: 100, end: 300 }, taken: true },
      { path: 'a', pages: { start: 100, end: 300 }, taken: false },
    ]);
    assert.equal(host.open.size, 0);
  });

  test('a set that was split twice: nothing is taken twice', () => {
    const three = members([0, 100, 200, 300]);
    const two = members([0, 150, 300]);
    const files = { part1: three['part1'], b: three['part2'], c: three['part3'], d: two['part2'] } as Record<string, Buffer>;
    const host = memoryHost(files);
    const image = openImage(host, ['part1']);
    assert.equal(image.name, 'part1,b,c');
    assert.equal(check(image).right, 200);
    assert.match(image.warnings.join(), /^d: lies beside/);
    image.close();
    // The other choice, named.
    assert.equal(check(openImage(host, ['part1', 'd'])).right, Array.from(pages.keys()).filter((page) => page < 100 || page >= 150).length);
  });

  test('the set of a file: none where it is no member', () => {
    const host = memoryHost({ whole: bytesOf(buildKdump(dump)), text: Buffer.from('hello') });
    assert.equal(splitSetOf(host, 'whole'), undefined);
    assert.equal(splitSetOf(host, 'text'), undefined);
    assert.throws(() => splitSetOf(host, 'nothing'), /no such file/);
    assert.equal(host.open.size, 0);
  });
});

describe('files that are no set', () => {
  const { part1, part2 } = members([0, 100, 300]) as { part1: Buffer; part2: Buffer };
  const whole = bytesOf(buildKdump(dump));
  for (const [what, files, says] of [
    ['the same member twice', ['part1', 'part1'], /part1: holds pages that part1 holds too \(from 0x0\); name each member once/],
    ['members that overlap', ['part1', 'overlapping'], /overlapping: holds pages that part1 holds too \(from 0x32\)/],
    ['a whole dump beside a member', ['part1', 'whole'], /whole: is a whole dump and no member of a split one/],
    ['two whole dumps', ['whole', 'whole2'], /whole: is a whole dump and no member/],
    ['members of two dumps', ['part1', 'other'], /other: is a member of another split dump than part1/],
    ['members of two crashes of one machine', ['part1', 'later'], /later: is a member of another split dump than part1/],
    ['a member and a text', ['part1', 'text'], /text: is not a memory dump/],
  ] as const) {
    test(what, () => {
      const host = memoryHost({
        part1,
        part2,
        whole,
        whole2: whole,
        overlapping: bytesOf(buildKdump({ ...dump, split: [50, 300] })),
        other: members([0, 100, 300], { pages: new Map([...pages].slice(1)) })['part2'] ?? part2,
        later: members([0, 100, 300], { vmcoreinfo: 'OSRELEASE=6.1.0\nCRASHTIME=2\n' })['part2'] ?? part2,
        text: Buffer.from('hello'),
      });
      assert.throws(() => openImage(host, files), says);
      assert.equal(host.open.size, 0);
    });
  }

  test('a copy of a member under another name is told and not used', () => {
    const image = openImage(memoryHost({ part1, part2, copy: part1 }), ['part1', 'copy', 'part2']);
    assert.deepEqual(image.warnings, ['copy holds the same pages as part1; only the latter is used']);
    assert.equal(check(image).right, 200);
  });
});

describe('a real set', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
  test('without its middle: what is there equals the whole dump, the gap is told with its range', () => {
    const folder = join(dumpFolder('x86-64-debian-6.12') ?? '', 'mini');
    const whole = openImage(nodeHost(), [expandedDump('x86-64-debian-6.12', 'dump.elf')]);
    const image = openImage(
      nodeHost(),
      ['mini-split.1', 'mini-split.3'].map((name) => join(folder, name)),
    );
    assert.match(
      image.warnings.join(),
      /^a member of the split dump is missing: it held pages 0x9274-0xf57c \(physical 0x9274000-0xf57c000\), 1794 of them dumped/,
    );
    let same = 0;
    for (let frame = 0; frame < 65_536; frame++) {
      const bytes = image.memory.frame(frame);
      if (bytes === undefined) continue;
      assert.ok(frame < 0x9274 || frame >= 0xf57c);
      assert.equal(Buffer.compare(bytes, whole.memory.frame(frame) ?? new Uint8Array()), 0, `frame ${frame}`);
      same++;
    }
    assert.equal(same, 5378 - 1794);
  });
});

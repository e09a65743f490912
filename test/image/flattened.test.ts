/** Flattened dumps: real ones, and records in every order, overlapping, cut off and damaged. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { unflatten } from '../../debug-adapter/image/flattened.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { buildFlattened, recordHeader } from '../builders/flattened.ts';
import type { BuiltFlattened } from '../builders/flattened.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import type { Write } from '../builders/kdump.ts';
import { absent, dumpFolder } from '../support/dumps.ts';
import { memoryHost } from '../support/memory-host.ts';
import { fc } from '../support/properties.ts';

function opened(dump: BuiltFlattened | Uint8Array): ReturnType<typeof unflatten> {
  const bytes = dump instanceof Uint8Array ? dump : buildFlattened(dump);
  return unflatten(memoryHost({ flat: bytes }).openFile('flat'));
}

function record(offset: number, data: string): Write {
  return { offset, bytes: Buffer.from(data) };
}

/** All bytes of what is inside. */
function text(dump: BuiltFlattened): string {
  const { source } = opened(dump);
  return Buffer.from(source.read(0, source.size)).toString('latin1');
}

describe('records', () => {
  test('in order', () => {
    assert.equal(text({ records: [record(0, 'page'), record(4, 'walk')] }), 'pagewalk');
  });

  test('in any order, with a gap, which is zeros', () => {
    assert.equal(text({ records: [record(6, 'walk'), record(0, 'page')] }), 'page\0\0walk');
  });

  test('later records overwrite earlier ones, in part, whole and within', () => {
    assert.equal(text({ records: [record(0, 'aaaaaaaa'), record(2, 'bb'), record(3, 'cccc'), record(6, 'd')] }), 'aabcccda');
    assert.equal(text({ records: [record(4, 'bbbb'), record(0, 'aaaaaa'), record(0, 'AAAA')] }), 'AAAAaabb');
    assert.equal(text({ records: [record(0, 'aa'), record(0, 'bb'), record(0, 'cc')] }), 'cc');
  });

  test('empty records change nothing', () => {
    assert.equal(text({ records: [record(0, 'ab'), record(1, ''), record(9, '')] }), 'ab');
  });

  test('what follows the end record is not read', () => {
    const bytes = Buffer.concat([buildFlattened({ records: [record(0, 'ab')] }), buildFlattened({ records: [record(0, 'XY')] })]);
    const { source, warnings } = opened(bytes);
    assert.equal(Buffer.from(source.read(0, 10)).toString(), 'ab');
    assert.deepEqual(warnings, []);
    assert.equal(source.incomplete, false);
  });

  test('any records: the same bytes as writing them one after the other', () => {
    const one = fc.record({ offset: fc.nat(200), bytes: fc.uint8Array({ minLength: 1, maxLength: 60 }) });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 60 }), fc.array(fc.tuple(fc.nat(280), fc.nat(90))), (records, reads) => {
        const { source } = opened({ records });
        const expected = Buffer.alloc(Math.max(...records.map(({ offset, bytes }) => offset + bytes.length)));
        for (const { offset, bytes } of records) expected.set(bytes, offset);
        assert.equal(source.size, expected.length);
        for (const [offset, length] of [[0, expected.length] as const, ...reads])
          assert.equal(Buffer.compare(source.read(offset, length), expected.subarray(offset, offset + length)), 0, `${offset}+${length}`);
      }),
      { numRuns: 500, seed: 4 },
    );
  });

  test('a million records of which each overlaps the next two', () => {
    const count = 1_000_000;
    const bytes = Buffer.alloc(4096 + count * 19 + 16);
    buildFlattened({ records: [], endRecord: false }).copy(bytes);
    for (let index = 0; index < count; index++) {
      const at = 4096 + index * 19;
      // From the last place to the first, so that each record stands before those that it overlaps.
      bytes.writeBigInt64BE(BigInt(count - 1 - index), at);
      bytes.writeBigInt64BE(3n, at + 8);
      bytes.fill(index & 0xff, at + 16, at + 19);
    }
    recordHeader(-1n, -1n).copy(bytes, bytes.length - 16);
    const { source } = opened(bytes);
    assert.equal(source.size, count + 2);
    const inside = source.read(0, count);
    // The latest of those that hold a place is the one that begins two places before it.
    for (const at of [0, 1, 500_000, count - 1]) assert.equal(inside[at], Math.min(count - 1, count + 1 - at) & 0xff);
  });
});

describe('what is wrong is told', () => {
  const whole = buildFlattened({ records: [record(0, 'page'), record(4, 'walk')] });

  for (const [what, bytes, says, inside] of [
    ['no end record', whole.subarray(0, -16), /has no end record: the file ends at byte 4136/, 'pagewalk'],
    ['half an end record', whole.subarray(0, -8), /has no end record/, 'pagewalk'],
    [
      'a record that is cut off',
      whole.subarray(0, -18),
      /has no end record: the file ends at byte 4134, within a record of 4 bytes/,
      'pagewa',
    ],
    [
      'a record of negative size',
      Buffer.concat([whole.subarray(0, -16), recordHeader(8n, -5n)]),
      /has a damaged record at file offset 0x1028/,
      'pagewalk',
    ],
    ['a record of negative offset', Buffer.concat([whole.subarray(0, -16), recordHeader(-2n, 5n)]), /has a damaged record/, 'pagewalk'],
    ['a record of 2^62 bytes', Buffer.concat([whole.subarray(0, -16), recordHeader(8n, 1n << 62n)]), /has a damaged record/, 'pagewalk'],
    [
      'a record that ends beyond 2^63',
      Buffer.concat([whole.subarray(0, -16), recordHeader((1n << 63n) - 1n, 5n)]),
      /has a damaged record/,
      'pagewalk',
    ],
  ] as const) {
    test(what, () => {
      const { source, warnings } = opened(bytes);
      assert.match(warnings.join(), says);
      assert.equal(Buffer.from(source.read(0, 100)).toString(), inside);
      assert.equal(source.incomplete, true);
    });
  }

  test('another version is read, and told', () => {
    assert.match(opened({ records: [record(0, 'ab')], version: 2n }).warnings.join(), /has version 2; it is read as version 1/);
  });

  for (const [what, dump, says] of [
    ['another type', { records: [record(0, 'ab')], type: 2n }, /unknown type 2/],
    ['no data', { records: [] }, /is a flattened dump without data/],
  ] as const) {
    test(what, () => {
      assert.throws(() => opened(dump), says);
    });
  }

  test('a header that is cut off', () => {
    assert.throws(() => opened(whole.subarray(0, 20)), UserError);
  });

  test('no dump inside', () => {
    assert.throws(() => openImage(memoryHost({ flat: whole }), ['flat']), /is not a memory dump that Pagewalk knows/);
  });

  test('one inside another', () => {
    const outer = buildFlattened({ records: [{ offset: 0, bytes: whole }] });
    assert.throws(() => openImage(memoryHost({ flat: outer }), ['flat']), /is not a memory dump that Pagewalk knows/);
  });
});

describe('dumps inside', () => {
  const page = new Uint8Array(4096).fill(9);
  const dump = {
    maxFrame: 64,
    ram: [[0, 64]] as const,
    pages: new Map([
      [1, { bytes: page }],
      [2, { bytes: page }],
    ]),
    vmcoreinfo: 'OSRELEASE=1\n',
  };

  test('a header that is written again at the end, as makedumpfile does', () => {
    const { writes } = buildKdump(dump);
    const early = { offset: 0, bytes: bytesOf(buildKdump({ ...dump, status: 8 })).subarray(0, 512) };
    const image = openImage(memoryHost({ flat: buildFlattened({ records: [early, ...writes] }) }), ['flat']);
    assert.equal(image.format, 'flattened kdump-compressed');
    assert.deepEqual(image.warnings, []);
    assert.equal(Buffer.compare(image.memory.frame(1) ?? new Uint8Array(), page), 0);
  });

  test('descriptors that were never written are told as the end of the dump', () => {
    const { writes } = buildKdump(dump);
    const header = writes.slice(0, -1);
    const image = openImage(memoryHost({ flat: buildFlattened({ records: header, endRecord: false }) }), ['flat']);
    assert.equal(image.memory.frame(1), undefined);
    assert.equal(image.memory.partialFrame(1).holes[0]?.reason.kind, 'truncated');
    assert.match(image.warnings.join(), /has no end record/);
  });

  test('files are closed once each, whether opening works or not', () => {
    const host = memoryHost({
      flat: buildFlattened({ records: buildKdump(dump).writes }),
      bad: buildFlattened({ records: [record(0, 'x')] }),
    });
    openImage(host, ['flat']).close();
    assert.throws(() => openImage(host, ['bad']));
    assert.equal(host.open.size, 0);
  });

  const folder = dumpFolder('x86-64-debian-6.12');
  test(
    'real ones, cut at every tenth: what is there equals the whole, the rest is truncated',
    { skip: absent('x86-64-debian-6.12') ?? false },
    () => {
      for (const file of ['mini-zlib.flat', 'mini-zstd.flat']) {
        const bytes = readFileSync(join(folder ?? '', 'mini', file));
        const whole = openImage(memoryHost({ flat: bytes }), ['flat']);
        for (let tenth = 2; tenth < 10; tenth++) {
          const cut = openImage(memoryHost({ flat: bytes.subarray(0, Math.floor((bytes.length * tenth) / 10)) }), ['flat']);
          assert.match(cut.warnings.join(), /has no end record/);
          let same = 0;
          let truncated = 0;
          for (let frame = 0; frame < 65_536; frame++) {
            const expected = whole.memory.frame(frame);
            if (expected === undefined) continue;
            const actual = cut.memory.frame(frame);
            if (actual === undefined) {
              const { kind, message } = cut.memory.partialFrame(frame).holes[0]?.reason ?? { kind: 'none', message: '' };
              assert.equal(kind, 'truncated', `frame ${frame}: ${message}`);
              truncated++;
            } else {
              assert.equal(Buffer.compare(actual, expected), 0, `frame ${frame}`);
              same++;
            }
          }
          assert.ok(same > 100 && truncated > 100, `${file} at ${tenth}/10: ${same} pages, ${truncated} truncated`);
        }
      }
    },
  );
});

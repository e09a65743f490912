/**
 * Each field of LiME's, AVML's, Snappy's and flattened headers at 0, at its maximum and one beyond its bound; records that
 * overlap. (kdump's are in kdump-headers.test.ts, ELF's in elf-core.test.ts.)
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UserError } from '../../debug-adapter/base/errors.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { filled, joinBytes } from '../builders/elf-file.ts';
import { buildFlattened } from '../builders/flattened.ts';
import { buildKdump, bytesOf } from '../builders/kdump.ts';
import { avmlRecord, limeRecord } from '../builders/lime-file.ts';
import { memoryHost } from '../support/memory-host.ts';

/** What memory holds, by address; other addresses have none. */
interface Model {
  readonly start: number;
  readonly bytes: Uint8Array;
}

const first: Model = { start: 0x1000, bytes: filled(0x2000, 0x11) };
const second: Model = { start: 0x8000, bytes: filled(0x3000, 0x22) };

interface Field {
  readonly name: string;
  readonly at: number;
  readonly size: 1 | 3 | 4 | 8;
  readonly bigEndian?: true;
  readonly beyond: bigint;
  /** The field says where memory lies: what is read there is not judged. */
  readonly moves?: true;
}

/** Opens what `bytes` make: a sentence, or an image whose frames are the model's, or missing with a reason. */
function judge(bytes: Uint8Array, model: readonly Model[], moves: boolean): void {
  const host = memoryHost({ dump: bytes });
  let image: ReturnType<typeof openImage>;
  try {
    image = openImage(host, ['dump']);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, /^dump: .{20}/);
    assert.equal(host.open.size, 0);
    return;
  }
  for (const warning of image.warnings) assert.doesNotMatch(warning, /undefined|NaN|\n/);
  for (let frame = 0; frame < 16; frame++) {
    const read = image.memory.frame(frame);
    if (read === undefined) {
      const { holes } = image.memory.partialFrame(frame);
      assert.ok(holes.length > 0 && holes.every(({ reason }) => reason.message.length > 10));
      continue;
    }
    const held = model.find(({ start, bytes: all }) => frame * 4096 >= start && frame * 4096 < start + all.length);
    if (!moves)
      assert.equal(Buffer.compare(read, held?.bytes.subarray(frame * 4096 - held.start).subarray(0, 4096) ?? read), 0, `frame ${frame}`);
  }
  image.close();
  assert.equal(host.open.size, 0);
}

function put(bytes: Uint8Array, { at, size, bigEndian }: Field, value: bigint): Uint8Array {
  const damaged = Uint8Array.from(bytes);
  for (let index = 0; index < size; index++)
    damaged[at + (bigEndian === true ? size - 1 - index : index)] = Number((value >> BigInt(index * 8)) & 0xffn);
  return damaged;
}

function every(what: string, bytes: Uint8Array, fields: readonly Field[], model: readonly Model[]): void {
  describe(what, () => {
    test('as it is', () => {
      judge(bytes, model, false);
    });
    for (const field of fields) {
      const bits = BigInt(field.size * 8);
      for (const value of [0n, (1n << bits) - 1n, 1n << (bits - 1n), (1n << (bits - 1n)) - 1n, field.beyond]) {
        test(`${field.name} is 0x${value.toString(16)}`, () => {
          judge(put(bytes, field, value), model, field.moves === true);
        });
      }
    }
  });
}

const lime = joinBytes([limeRecord(first.start, first.bytes), limeRecord(second.start, second.bytes)]);
const limeFields = (at: number): Field[] => [
  { name: 'magic', at, size: 4, beyond: 0x4c69_4d46n },
  { name: 'version', at: at + 4, size: 4, beyond: 2n },
  { name: 's_addr', at: at + 8, size: 8, beyond: 0x3000n, moves: true },
  { name: 'e_addr', at: at + 16, size: 8, beyond: 0x3000n, moves: true },
  { name: 'reserved', at: at + 24, size: 8, beyond: 1n },
];
every('LiME, first record', lime, limeFields(0), [first, second]);
every('LiME, second record', lime, limeFields(32 + first.bytes.length), [first, second]);

const avmlFirst = avmlRecord(first.start, first.bytes);
const avml = joinBytes([avmlFirst, avmlRecord(second.start, second.bytes)]);
const avmlFields = (at: number, length: number): Field[] => [
  { name: 'magic', at, size: 4, beyond: 0x4c4d_5642n },
  { name: 'version', at: at + 4, size: 4, beyond: 3n },
  { name: 'start', at: at + 8, size: 8, beyond: 0x3000n, moves: true },
  { name: 'end', at: at + 16, size: 8, beyond: 0x3000n, moves: true },
  { name: 'stream identifier', at: at + 32, size: 1, beyond: 0x7fn },
  { name: 'length of the identifier', at: at + 33, size: 3, beyond: 7n },
  { name: 'chunk type', at: at + 42, size: 1, beyond: 2n },
  { name: 'chunk length', at: at + 43, size: 3, beyond: 65_541n },
  { name: 'chunk checksum', at: at + 46, size: 4, beyond: 1n },
  { name: 'length of the block', at: at + 50, size: 1, beyond: 0x81n },
  { name: 'length of the frames', at: at + length - 8, size: 8, beyond: BigInt(length) },
];
every('AVML, first record', avml, avmlFields(0, avmlFirst.length), [first, second]);
every('AVML, second record', avml, avmlFields(avmlFirst.length, avml.length - avmlFirst.length), [first, second]);

const pages = new Map([1, 2, 8, 9, 10].map((page) => [page, { bytes: filled(4096, page), codec: 'zlib' as const }]));
const { writes } = buildKdump({ maxFrame: 16, ram: [[0, 16]], pages });
const flattened = buildFlattened({ records: writes });
const kdumpModel = [...pages].map(([page, { bytes }]): Model => ({ start: page * 4096, bytes }));
/** Where the header of a record stands: behind the block, and the records before it. */
const recordAt = (number: number): number => writes.slice(0, number).reduce((at, { bytes }) => at + 16 + bytes.length, 4096);
every(
  'flattened',
  flattened,
  [
    { name: 'type', at: 16, size: 8, bigEndian: true, beyond: 2n },
    { name: 'version', at: 24, size: 8, bigEndian: true, beyond: 2n },
    ...[0, 1, writes.length - 1, writes.length].flatMap((number): Field[] => [
      { name: `offset of record ${number}`, at: recordAt(number), size: 8, bigEndian: true, beyond: (1n << 53n) + 1n, moves: true },
      {
        name: `size of record ${number}`,
        at: recordAt(number) + 8,
        size: 8,
        bigEndian: true,
        beyond: BigInt(flattened.length),
        moves: true,
      },
    ]),
  ],
  kdumpModel,
);

describe('records that overlap', () => {
  test('LiME: one of them is read, whole', () => {
    const other = filled(0x2000, 0x33);
    const image = openImage(memoryHost({ dump: joinBytes([limeRecord(0x1000, first.bytes), limeRecord(0x2000, other)]) }), ['dump']);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x4000 }]);
    assert.equal(Buffer.compare(image.memory.frame(1) ?? Buffer.alloc(0), first.bytes.subarray(0, 4096)), 0);
    assert.equal(Buffer.compare(image.memory.frame(3) ?? Buffer.alloc(0), other.subarray(4096)), 0);
    const both = image.memory.frame(2) ?? new Uint8Array();
    assert.ok([first.bytes.subarray(4096), other.subarray(0, 4096)].some((one) => Buffer.compare(both, one) === 0));
  });

  test('AVML: the first is taken whole, of the other what lies behind', () => {
    const other = Uint8Array.from({ length: 0x2000 }, (_, index) => index >> 8);
    const image = openImage(memoryHost({ dump: joinBytes([avmlFirst, avmlRecord(0x2000, other), avmlRecord(0x1800, filled(16, 9))]) }), [
      'dump',
    ]);
    assert.deepEqual(image.memory.ranges, [{ start: 0x1000, end: 0x4000 }]);
    assert.equal(Buffer.compare(image.memory.frame(2) ?? Buffer.alloc(0), first.bytes.subarray(4096)), 0);
    assert.equal(Buffer.compare(image.memory.frame(3) ?? Buffer.alloc(0), other.subarray(4096)), 0);
  });

  test('kdump: descriptors that share their data', () => {
    const shared = bytesOf(
      buildKdump({
        maxFrame: 4,
        ram: [[0, 4]],
        pages: new Map([
          [0, { bytes: undefined }],
          [3, { bytes: undefined }],
        ]),
      }),
    );
    const image = openImage(memoryHost({ dump: shared }), ['dump']);
    for (const page of [0, 3]) assert.equal(Buffer.compare(image.memory.frame(page) ?? Buffer.alloc(0), new Uint8Array(4096)), 0);
  });
});

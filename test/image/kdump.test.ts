/** The same moment in every kdump form: each page that is there equals the plain ELF dump's, each that is not says why. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decompressLzo1x } from '../../debug-adapter/codec/lzo1x.ts';
import { decompressSnappy } from '../../debug-adapter/codec/snappy.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { absent, dumpFolder, expandedDump } from '../support/dumps.ts';

const name = 'x86-64-debian-6.12';

describe('kdump-compressed files', { skip: absent(name) ?? false }, () => {
  for (const [file, codec] of [
    ['mini-zlib.kdump', 'zlib'],
    ['mini-zstd.kdump', 'zstd'],
    ['mini-lzo.kdump', 'lzo'],
    ['mini-snappy.kdump', 'snappy'],
    ['mini-sym.kdump', 'zlib'],
  ] as const) {
    test(file, () => {
      const host = nodeHost();
      const whole = openImage(host, [expandedDump(name, 'dump.elf')]);
      const image = openImage(host, [join(dumpFolder(name) ?? '', 'mini', file)]);
      let same = 0;
      let excluded = 0;
      const wrong: string[] = [];
      for (const { start, end } of image.memory.ranges) {
        for (let frame = start / 4096; frame < end / 4096; frame++) {
          const bytes = image.memory.frame(frame);
          if (bytes === undefined) {
            const kind = image.memory.partialFrame(frame).holes[0]?.reason.kind;
            if (kind === 'excluded') excluded++;
            else wrong.push(`frame ${frame}: ${kind ?? 'no reason'}`);
          } else if (Buffer.compare(bytes, whole.memory.frame(frame) ?? new Uint8Array()) === 0) same++;
          else wrong.push(`frame ${frame} differs`);
        }
      }
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} wrong`);
      assert.ok(same > 500, `only ${same} pages`);
      assert.ok(excluded > 1000, `only ${excluded} excluded pages`);
      assert.ok(image.compression.includes(codec));
      assert.equal(image.memory.frame(0x2_0000), undefined);
      image.close();
      whole.close();
    });
  }
});

describe('codecs on any bytes', () => {
  for (const [codec, decompress] of [
    ['lzo', decompressLzo1x],
    ['snappy', decompressSnappy],
  ] as const) {
    test(`${codec} never gives more than a page and never hangs`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
          let output: Uint8Array;
          try {
            output = decompress(input, 4096);
          } catch (error) {
            assert.ok(error instanceof Error);
            return;
          }
          assert.ok(output.length <= 4096);
        }),
        { numRuns: 2000 },
      );
    });
  }

  test('lzo: literals, a match that overlaps itself, and the end mark', () => {
    // 0x15: four literals (17 + 4); 0x20 | 6: a match of 8 bytes, distance 1 (low 0, high 0); 0x11 0 0: the end.
    const stream = Uint8Array.of(0x15, 0x61, 0x62, 0x63, 0x64, 0x26, 0x00, 0x00, 0x11, 0x00, 0x00);
    assert.equal(Buffer.from(decompressLzo1x(stream, 64)).toString(), 'abcddddddddd');
  });
});

/** The same moment in every kdump form: each page that is there equals the plain ELF dump's, each that is not says why. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { absent, dumpFolder, expandedDump } from '../support/dumps.ts';

const name = 'x86-64-debian-6.12';

describe('kdump-compressed files', { skip: absent(name) ?? false }, () => {
  for (const [file, codec, format] of [
    ['mini-zlib.kdump', 'zlib', 'kdump-compressed'],
    ['mini-zstd.kdump', 'zstd', 'kdump-compressed'],
    ['mini-lzo.kdump', 'lzo', 'kdump-compressed'],
    ['mini-snappy.kdump', 'snappy', 'kdump-compressed'],
    ['mini-sym.kdump', 'zlib', 'kdump-compressed'],
    ['mini-zlib.flat', 'zlib', 'flattened kdump-compressed'],
    ['mini-zstd.flat', 'zstd', 'flattened kdump-compressed'],
    ['mini-split.1', 'zstd', 'split kdump-compressed (3 files)'],
    ['mini-split.2', 'zstd', 'split kdump-compressed (3 files)'],
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
      assert.equal(image.format, format);
      assert.deepEqual(image.warnings, []);
      assert.equal(image.memory.frame(0x2_0000), undefined);
      image.close();
      whole.close();
    });
  }
});

/**
 * A machine of 1 TiB and more: what opening its dump keeps in memory, which must not grow with the machine. (How long it
 * takes is for test/bench; nothing here depends on the clock.)
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { ByteSource, Host } from '../../debug-adapter/base/host.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { parseAddress } from '../../debug-adapter/base/address.ts';
import { readSmallKdump, writeHugeKdump } from '../builders/huge-kdump.ts';
import { bundled } from '../support/dumps.ts';

const folder = mkdtempSync(join(tmpdir(), 'pagewalk-huge-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});
const small = readSmallKdump(bundled.image);

/** Counts what is read at once and in all. */
function counting(): Host & { largest: number; total: number } {
  const host = nodeHost();
  const counts = {
    ...host,
    largest: 0,
    total: 0,
    openFile: (path: string): ByteSource => {
      const source = host.openFile(path);
      return {
        name: source.name,
        size: source.size,
        read: (offset, length) => {
          const bytes = source.read(offset, length);
          counts.largest = Math.max(counts.largest, bytes.length);
          counts.total += bytes.length;
          return bytes;
        },
        close: () => {
          source.close();
        },
      };
    },
  };
  return counts;
}

describe('the dump of a huge machine', () => {
  for (const [name, frames] of [
    ['1 TiB', 2 ** 28],
    ['12 TiB', 12 * 2 ** 28],
  ] as const) {
    test(name, () => {
      const path = join(folder, `${frames}.kdump`);
      writeHugeKdump(path, small, frames);
      const host = counting();
      const before = process.memoryUsage();
      const image = openImage(host, [path]);
      const after1 = process.memoryUsage();
      // Each bitmap is read once, in pieces, and none of it is kept: neither its bytes nor, worse, its bits one by one.
      const bitmapBytes = frames / 8;
      assert.ok(host.total >= 2 * bitmapBytes && host.total < 2 * bitmapBytes + 2 ** 20, `${host.total} bytes were read`);
      assert.ok(host.largest <= 2 ** 18, `${host.largest} bytes were read at once`);
      const grown = after1.heapUsed - before.heapUsed;
      assert.ok(grown < 32 * 2 ** 20, `opening took ${grown} bytes of heap`);
      assert.deepEqual(image.memory.ranges, [{ start: 0, end: frames * 4096 }]);
      const original = openImage(nodeHost(), [bundled.image]);
      for (const page of small.pages.keys())
        assert.equal(
          Buffer.compare(image.memory.frame(page) ?? Buffer.alloc(0), original.memory.frame(page) ?? Buffer.alloc(1)),
          0,
          `page ${page}`,
        );
      assert.equal(image.memory.partialFrame(frames - 1).holes[0]?.reason.kind, 'excluded');
      assert.equal(image.memory.partialFrame(frames).holes[0]?.reason.kind, 'not-ram');
      image.close();
      original.close();
      assert.ok(statSync(path).blocks * 512 < statSync(path).size + 2 ** 20);
      rmSync(path);
    });
  }

  test('1 TiB: the kernel is found and an address translated', () => {
    const path = join(folder, 'session.kdump');
    writeHugeKdump(path, small, 2 ** 28);
    const session = openSession(nodeHost(), { paths: [path] });
    const original = openSession(nodeHost(), { paths: [bundled.image] });
    const address = parseAddress('0xffffffffa5a00000');
    assert.ok(address !== undefined);
    assert.deepEqual(session.translate(address), original.translate(address));
    assert.equal(session.info().release, original.info().release);
    session.close();
    original.close();
  });
});

/** Real dumps with bytes of their page tables, tasks and address spaces overwritten at random: the check ends, with findings or a sentence. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { UserError } from '../../debug-adapter/base/errors.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { openKernel } from '../../debug-adapter/kernel/opening/open-kernel.ts';
import type { PhysicalMemory } from '../../debug-adapter/memory/physical-memory.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession, Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, expandedDump } from '../support/dumps.ts';
import { fc } from '../support/properties.ts';

/** Frames of root tables, of the tables that they point to (as far as any word looks like it), and of tasks and mm_structs. */
function frames(path: string): number[] {
  const session = openSession(nodeHost(), { paths: [path] });
  const { physical } = session.kernel;
  const found = new Set<number>();
  const add = (physicalAddress: string | null): void => {
    if (physicalAddress !== null) found.add(Number(addressOf(physicalAddress) >> 12n));
  };
  for (const { root } of session.addressSpaces()) {
    add(root);
    for (const { target } of session.tableEntries({ mm: root }).entries) add(target);
  }
  for (const { task, mm } of session.tasks()) {
    for (const address of [task, mm]) if (address !== null) add(session.translate(addressOf(address)).physical);
  }
  const readable = [...found].filter((frame) => physical.frame(frame) !== undefined);
  session.close();
  return readable;
}

/** The image with some bytes replaced. */
function damaged(image: Image, changes: ReadonlyMap<number, readonly (readonly [at: number, word: bigint])[]>): Image {
  const copies = new Map<number, Uint8Array>();
  for (const [frame, words] of changes) {
    const copy = Uint8Array.from(image.memory.frame(frame) ?? []);
    if (copy.length === 0) continue;
    const view = new DataView(copy.buffer);
    for (const [at, word] of words) view.setBigUint64(at * 8, word, true);
    copies.set(frame, copy);
  }
  const memory: PhysicalMemory = {
    ranges: image.memory.ranges,
    frame: (frame) => copies.get(frame) ?? image.memory.frame(frame),
    partialFrame: (frame) => image.memory.partialFrame(frame),
  };
  return Object.create(image, { memory: { value: memory } }) as Image;
}

for (const name of ['x86-64', 'arm64-4k', 'i386-pae-pti', 's390x']) {
  describe(name, { skip: absent(name) ?? false }, () => {
    test('damage never ends the check otherwise than with an answer', () => {
      const path = expandedDump(name, 'vmcore.elf');
      const places = frames(path);
      assert.ok(places.length > 20);
      const word = fc.oneof(
        fc.bigInt(0n, (1n << 64n) - 1n),
        fc.constantFrom(0n, (1n << 64n) - 1n, 1n),
        fc.tuple(fc.constantFrom(...places), fc.bigInt(0n, 0xfffn)).map(([frame, flags]) => (BigInt(frame) << 12n) | flags | 1n),
      );
      const change = fc.tuple(
        fc.constantFrom(...places),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 511 }), word), { minLength: 1, maxLength: 60 }),
      );
      const image = openImage(nodeHost(), [path]);
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
          const copy = damaged(image, new Map(changes));
          try {
            const { tables } = new Session(copy, openKernel(copy, { symbols: undefined, types: undefined })).findings({});
            assert.ok(tables > 0);
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
          }
        }),
        { numRuns: 25 },
      );
      image.close();
    });
  });
}

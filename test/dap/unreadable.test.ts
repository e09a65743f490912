/**
 * Every reason for which a byte of a dump cannot be read, as each face tells it: readMemory, `read` as text and as JSON. (The
 * memory panel shows what readMemory tells.)
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import type { Host } from '../../debug-adapter/base/host.ts';
import { toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import type { HoleReason } from '../../debug-adapter/memory/hole.ts';
import type { UnreadableFacts } from '../../debug-adapter/protocol/reads.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { fileHost, pieceOf, pieceOfFile, sparseFile } from '../builders/file-host.ts';
import { absent, bundled, expandedDump } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import type { Said } from '../support/in-process.ts';
import { memoryHost } from '../support/memory-host.ts';
import { RawClient } from './raw-client.ts';

const length = 16;

interface ReadMemory {
  readonly data: string;
  readonly unreadableBytes: number;
  readonly unreadable: readonly UnreadableFacts[];
}

async function byReadMemory(host: Host, address: string): Promise<ReadMemory> {
  const client = new RawClient(host);
  await client.launch({ image: 'dump' });
  const body = await client.body<ReadMemory>('readMemory', { memoryReference: address, count: length });
  await client.body('disconnect');
  return body;
}

const byCommandLine = (host: Host, ...argv: string[]): Promise<Said> => runInProcess(host, 'read', 'dump', ...argv);

/** What all faces say of the bytes at an address: they must agree. */
async function told(host: Host, address: string): Promise<UnreadableFacts> {
  const { data, unreadableBytes, unreadable } = await byReadMemory(host, address);
  assert.deepEqual([data, unreadableBytes, unreadable.length], ['', length, 1]);
  const [hole] = unreadable;
  assert.ok(hole !== undefined);
  assert.deepEqual([hole.start, BigInt(hole.end)], [address, BigInt(address) + BigInt(length)]);
  const json = await byCommandLine(host, address, String(length), '--json');
  assert.equal(json.status, 1);
  assert.deepEqual((JSON.parse(json.text) as { unreadable: unknown }).unreadable, [hole]);
  const text = await byCommandLine(host, address, String(length));
  assert.ok(text.complaints.includes(`pagewalk: ${hole.start}-${hole.end} cannot be read: ${hole.reason}`), text.complaints.join('\n'));
  assert.doesNotMatch(text.text, /00 00 00/);
  return hole;
}

/** A direct-map address of a frame that is missing so. */
function addressOf(host: Host, wanted: (reason: HoleReason) => boolean): string {
  const image = openImage(host, ['dump']);
  const session = openSession(host, { paths: ['dump'] });
  const base = BigInt(session.info().pageOffset ?? 0);
  try {
    for (const { start, end } of image.memory.ranges) {
      for (let frame = Math.ceil(start / 4096); frame * 4096 < end; frame++) {
        if (image.memory.frame(frame) !== undefined) continue;
        const physical = `0x${(frame * 4096).toString(16)}`;
        const { holes } = session.readPhysical(toPhysAddr(frame * 4096), length);
        const virtual = `0x${(base + BigInt(frame * 4096)).toString(16)}`;
        if (
          holes[0] !== undefined &&
          wanted(holes[0].reason) &&
          session.translate(toAddress(base + BigInt(frame * 4096))).physical === physical
        )
          return virtual;
      }
    }
  } finally {
    session.close();
    image.close();
  }
  throw new Error('no frame is missing so');
}

describe('a kdump-compressed file', () => {
  let whole: Uint8Array;
  /** Where data of pages lies. */
  let dataAt: number;
  before(() => {
    whole = readFileSync(bundled.image);
    dataAt = Math.floor(whole.length * 0.9);
  });

  test('not RAM: an ioremap area', async () => {
    const host = memoryHost({ dump: whole });
    const session = openSession(host, { paths: ['dump'] });
    const areas = session.vmalloc().areas.filter(({ vmFlags }) => vmFlags.includes('VM_IOREMAP'));
    // Those of ACPI's tables lie in RAM.
    const outside = areas.find(({ physical }) => Number(physical) > 0xf000_0000);
    session.close();
    const hole = await told(host, outside?.start ?? '');
    assert.equal(hole.kind, 'not-ram');
    assert.match(hole.reason, /^no RAM that the dump knows lies at this physical address$/);
  });

  test('excluded, with the category of its struct page', async () => {
    const host = memoryHost({ dump: whole });
    for (const category of ['free', 'user', 'cache']) {
      const hole = await told(
        host,
        addressOf(host, (reason) => reason.category === category),
      );
      assert.deepEqual([hole.kind, hole.category, hole.fileOffset], ['excluded', category, undefined]);
      assert.match(hole.reason, /^page 0x[0-9a-f]+ was left out of the dump by its writer \(dump level \d+\); by its struct page it is a/);
    }
  });

  test('truncated', async () => {
    // The direct map's tables lie before.
    const size = Math.floor(whole.length * 0.99);
    const host = memoryHost({ dump: whole.subarray(0, size) });
    const hole = await told(
      host,
      addressOf(host, ({ kind }) => kind === 'truncated'),
    );
    assert.equal(hole.kind, 'truncated');
    assert.match(hole.reason, new RegExp(`^the file ends at byte ${size}, before the data of page 0x`));
  });

  test('a corrupt block, with its place in the file', async () => {
    const damaged = Uint8Array.from(whole);
    damaged.fill(0xa5, dataAt, dataAt + 16_384);
    const host = memoryHost({ dump: damaged });
    const hole = await told(
      host,
      addressOf(host, ({ kind }) => kind === 'corrupt'),
    );
    assert.equal(hole.kind, 'corrupt');
    const place = hole.fileOffset ?? 0;
    assert.ok(place > dataAt - 4096 && place < dataAt + 16_384);
    assert.ok(hole.reason.includes(`data at file offset 0x${place.toString(16)} is no `), hole.reason);
  });

  test('an I/O error', async () => {
    const host = memoryHost({ dump: whole }, [dataAt]);
    const hole = await told(
      host,
      addressOf(host, ({ kind }) => kind === 'io-error'),
    );
    assert.equal(hole.kind, 'io-error');
    assert.match(hole.reason, /^dump: cannot be read \(EIO\)/);
  });
});

describe('an ELF dump that was filtered', { skip: absent('x86-64') ?? false }, () => {
  const left = 16 * 2 ** 20;

  /** 16 MiB in the middle of the largest segment are in memory, and not in the file. */
  function filtered(): Host {
    const path = expandedDump('x86-64', 'vmcore.elf');
    const whole = readFileSync(path);
    const head = Buffer.from(whole.subarray(0, 8192));
    const field = (header: number, at: number): number => Number(head.readBigUInt64LE(header + at));
    const loads = Array.from({ length: head.readUInt16LE(56) }, (_, index) => field(0, 32) + index * 56).filter(
      (header) => head.readUInt32LE(header) === 1,
    );
    const [largest = 0, other = 0] = loads.sort((a, b) => field(b, 32) - field(a, 32));
    const size = field(largest, 32);
    const there = Math.floor(size / 2 ** 13) * 2 ** 12;
    // Another segment's header is given to what lies behind: offset, addresses, sizes.
    const behind = there + left;
    [field(largest, 8) + behind, 0, field(largest, 24) + behind, size - behind, size - behind].forEach((value, index) => {
      head.writeBigUInt64LE(BigInt(value), other + 8 + index * 8);
    });
    head.writeBigUInt64LE(BigInt(there), largest + 32);
    head.writeBigUInt64LE(BigInt(behind), largest + 40);
    const pieces = [pieceOfFile(0, { path, start: 0, size: whole.length }), pieceOf(0, head)];
    return fileHost({ dump: sparseFile(pieces, whole.length).open });
  }

  test('zero-filled, where nothing tells what it was or it was kernel data', async () => {
    const host = filtered();
    const hole = await told(
      host,
      addressOf(host, ({ kind }) => kind === 'zero-filled'),
    );
    assert.equal(hole.kind, 'zero-filled');
    assert.match(hole.reason, /^zero-filled by the writer: /);
  });

  test('excluded, where its struct page says so', async () => {
    const host = filtered();
    const hole = await told(
      host,
      addressOf(host, ({ category }) => category === 'free'),
    );
    assert.deepEqual([hole.kind, hole.category], ['excluded', 'free']);
    assert.match(hole.reason, /^excluded by the writer: by its struct page it is a free page/);
  });
});

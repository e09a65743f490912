/** Answers that say the same in two ways, and so must agree, whatever the memory holds. */
import assert from 'node:assert/strict';
import type { Address, PhysAddr } from '../../debug-adapter/base/address.ts';
import { parseAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import { frameSize } from '../../debug-adapter/memory/physical-memory.ts';
import type { MappedRuns } from '../../debug-adapter/pagetable/mapped-runs.ts';
import type { NumberRange } from '../../debug-adapter/base/range.ts';
import type { PageTable } from '../../debug-adapter/pagetable/page-table.ts';
import type { ReverseMapping } from '../../debug-adapter/pagetable/reverse-map.ts';
import { parsePtdump } from '../../debug-adapter/pagetable/ptdump-parse.ts';
import type { SessionFace } from '../../debug-adapter/session/session-face.ts';

/** Regions and runs looked at closely, of each answer. */
const looks = 32;

function spread<Item>(items: readonly Item[]): readonly Item[] {
  const step = Math.max(1, Math.floor(items.length / looks));
  return items.filter((_, index) => index % step === 0);
}

/** What a virtual address reads is what the physical one reads that it is translated to. */
export function assertSameBytes(session: SessionFace, address: Address): void {
  const { physical } = session.translate(address);
  if (physical === null) return;
  const length = frameSize - Number(address & BigInt(frameSize - 1));
  const virtual = session.readVirtual(address, length);
  const direct = session.readPhysical(toPhysAddr(BigInt(physical)), length);
  assert.deepEqual(virtual.bytes, direct.bytes, `bytes of 0x${address.toString(16)}`);
  const places = ({ holes }: typeof virtual): unknown => holes.map(({ offset, length: missing }) => [offset, missing]);
  assert.deepEqual(places(virtual), places(direct), `holes of 0x${address.toString(16)}`);
}

/** The kernel's page-table dump reads back as the regions that it was made of, and a region that is mapped is translated. */
export function assertPtdumpAgrees(session: SessionFace): void {
  const lines = session.ptdumpLines({});
  const regions = lines.flatMap(({ region }) => region ?? []);
  const parsed = parsePtdump(lines.map(({ text }) => text).join('\n'), 'the dump of this memory');
  const top = 1n << BigInt(parsed.addressBits);
  assert.deepEqual(
    parsed.regions.map(({ start, end, present }) => [BigInt(start) << 12n, (BigInt(end) << 12n) % top, present]),
    regions.map(({ start, end, present }) => [BigInt(start), BigInt(end) % top, present]),
  );
  for (const { start, present } of spread(regions)) {
    const address = parseAddress(start);
    assert.ok(address !== undefined);
    const { physical, reason } = session.translate(address);
    assert.equal(
      physical !== null,
      present,
      `the dump of ${start} says ${present ? 'mapped' : 'not mapped'}; its translation: ${physical ?? reason}`,
    );
  }
}

/** Runs ascend, do not overlap, lie in the range, and lead where the table leads. */
export function assertRunsAgree(runs: MappedRuns, table: PageTable, range: { readonly start: number; readonly end: number }): void {
  let end = range.start;
  for (let index = 0; index < runs.length; index++) {
    const page = runs.page(index);
    assert.ok(page >= end && runs.pages(index) > 0, `run ${index} begins at page ${page}, the one before ends at ${end}`);
    end = page + runs.pages(index);
  }
  assert.ok(end <= range.end, `a run ends at ${end}, behind ${range.end}`);
  for (const index of spread(Array.from({ length: Math.min(runs.length, 100_000) }, (_, number) => number))) {
    const last = runs.pages(index) - 1;
    for (const into of new Set([0, Math.floor(last / 2), last]))
      assert.equal(table.frameOf(runs.page(index) + into), runs.frame(index) + into, `frame of page ${runs.page(index) + into}`);
  }
}

/** Every address that the reverse map tells leads to the physical one that was asked for. */
export function assertMappingsAgree(mappings: readonly ReverseMapping[], physical: PhysAddr, roots: readonly PageTable[]): void {
  for (const { root, virtual } of mappings) {
    const frame = roots[root]?.frameOf(Number(virtual >> 12n));
    assert.equal(frame, Math.floor(physical / frameSize), `frame of 0x${virtual.toString(16)}, which the reverse map tells`);
    assert.equal(virtual & BigInt(frameSize - 1), BigInt(physical % frameSize));
  }
}

/** Pages that are said to have other frames have frames in both tables, and others. */
export function assertDifferencesAgree(runs: readonly NumberRange[], [a, b]: readonly [PageTable, PageTable]): void {
  for (const { start, end } of spread(runs)) {
    for (const page of [start, Math.floor((start + end) / 2), end - 1]) {
      const [one, two] = [a.frameOf(page), b.frameOf(page)];
      assert.ok(one >= 0 && two >= 0 && one !== two, `page ${page} has frames ${one} and ${two}, which are told to differ`);
    }
  }
}

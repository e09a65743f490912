/** PAGEMAP_SCAN: every call that the process made, with its result; and what holds for any arguments. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PagemapScanFacts } from '../../debug-adapter/protocol/facts.ts';
import { absent, dumpFolder, jsonLines } from '../support/dumps.ts';
import { debian, openMachine, smallMachines } from '../support/processes.ts';
import type { RecordedScan } from '../support/processes.ts';
import { fc } from '../support/properties.ts';

const errnos: Readonly<Record<string, number>> = { EPERM: 1, EFAULT: 14, EINVAL: 22 };
const names = ['WPALLOWED', 'WRITTEN', 'FILE', 'PRESENT', 'SWAPPED', 'PFNZERO', 'HUGE', 'SOFT_DIRTY', 'GUARD'];

function bitsOf(categories: readonly string[]): number {
  return categories.reduce((sum, name) => sum + 2 ** names.indexOf(name), 0);
}

test('every PAGEMAP_SCAN call gives what the ioctl gave', { skip: absent(debian) ?? false }, () => {
  const session = openMachine(debian);
  const calls = jsonLines<RecordedScan>(join(dumpFolder(debian) ?? '', 'truth/guest/scan.jsonl'));
  const wrong: string[] = [];
  for (const call of calls) {
    const facts = session.pagemapScan({
      pid: 198,
      size: String(call.size),
      flags: String(call.flags),
      start: call.start,
      end: call.end,
      vec: call.vec,
      vecLen: String(call.vec_len),
      maxPages: String(call.max_pages),
      categoryInverted: String(call.category_inverted),
      categoryMask: String(call.category_mask),
      categoryAnyofMask: String(call.category_anyof_mask),
      returnMask: String(call.return_mask),
    });
    const ours = [
      facts.return,
      facts.errno === undefined ? 0 : errnos[facts.errno],
      facts.walkEnd,
      facts.regions.map(({ start, end, categories }) => [start, end, bitsOf(categories)]),
    ];
    const told = [call.rc, call.errno, call.walk_end, call.regions];
    if (JSON.stringify(ours) !== JSON.stringify(told)) {
      wrong.push(`${call.scan} ${call.tag}: ${JSON.stringify(ours).slice(0, 200)}, not ${JSON.stringify(told).slice(0, 200)}`);
    }
    assert.deepEqual([facts.missing, facts.warnings], [[], []]);
  }
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${calls.length}`);
  assert.ok(calls.length >= 3420);
  session.close();
});

const mask = fc.integer({ min: 0, max: 0xff });

/** Pages with their categories, of regions joined or not. */
function pagesOf(facts: PagemapScanFacts): string[] {
  const pages: string[] = [];
  for (const { start, end, categories } of facts.regions) {
    for (let at = BigInt(start); at < BigInt(end); at += 4096n) pages.push(`${at.toString(16)} ${categories.join('|')}`);
  }
  return pages;
}

test('scans: in pieces as in one, page by page as by region, within their limits', { skip: absent(debian) ?? false }, () => {
  const session = openMachine(debian);
  const areas = session.maps(198).areas.filter(({ start, end }) => BigInt(end) - BigInt(start) <= 0x60_0000n);
  const range = fc
    .tuple(fc.constantFrom(...areas), fc.nat(40), fc.nat(300))
    .map(([{ start }, back, length]) => ({ start: BigInt(start) - BigInt(back * 4096), pages: length }));
  fc.assert(
    fc.property(
      range,
      fc.record({ categoryMask: mask, categoryInverted: mask, categoryAnyofMask: fc.oneof(fc.constant(0), mask), returnMask: mask }),
      fc.record({ maxPages: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 })), vecLen: fc.integer({ min: 1, max: 12 }) }),
      ({ start, pages }, masks, limits) => {
        const end = start + BigInt(pages * 4096);
        const asked = {
          pid: 198,
          end: `0x${end.toString(16)}`,
          ...Object.fromEntries(Object.entries(masks).map(([name, value]) => [name, String(value)])),
        };
        const from = (at: bigint, more: object = {}): PagemapScanFacts =>
          session.pagemapScan({ ...asked, start: `0x${at.toString(16)}`, ...more });
        const whole = from(start);
        assert.equal(whole.walkEnd, asked.end);
        // Every page's own categories decide, by the kernel's documented formula.
        const each = session.pagemapScan({ pid: 198, start: `0x${start.toString(16)}`, end: asked.end });
        const expected: string[] = [];
        for (const { start: first, end: last, categories } of each.regions) {
          const bits = bitsOf(categories);
          const seen = bits ^ masks.categoryInverted;
          const matches =
            (seen & masks.categoryMask) === masks.categoryMask && (masks.categoryAnyofMask === 0 || (seen & masks.categoryAnyofMask) !== 0);
          if (!matches) continue;
          const told = names.filter((_name, bit) => (bits & masks.returnMask & (1 << bit)) !== 0).join('|');
          for (let at = BigInt(first); at < BigInt(last); at += 4096n) expected.push(`${at.toString(16)} ${told}`);
        }
        // The kernel looks for FILE only where it is asked for, and takes a short way for WRITTEN alone: neither changes the answer.
        assert.deepEqual(pagesOf(whole), expected);
        whole.regions.forEach((region, index) => {
          const before = whole.regions[index - 1];
          if (before === undefined) return;
          assert.ok(BigInt(before.end) <= BigInt(region.start));
          assert.ok(before.end !== region.start || before.categories.join() !== region.categories.join(), 'regions that touch differ');
        });
        // In pieces, each from the end of the last.
        const pieces: string[] = [];
        let at = start;
        for (let calls = 0; at < end; calls++) {
          assert.ok(calls <= pages + 1, 'each call gets on');
          const piece = from(at, { maxPages: String(limits.maxPages), vecLen: String(limits.vecLen) });
          assert.ok(piece.regions.length <= limits.vecLen);
          const found = pagesOf(piece);
          if (limits.maxPages > 0) assert.ok(found.length <= limits.maxPages);
          pieces.push(...found);
          const next = BigInt(piece.walkEnd ?? '0');
          assert.ok(next > at && next <= end);
          at = next;
        }
        assert.deepEqual(pieces, expected);
      },
    ),
    { numRuns: 300 },
  );
  session.close();
});

test('WP_MATCHING tells what it would protect, and changes nothing', { skip: absent(debian) ?? false }, () => {
  const session = openMachine(debian);
  const range = { pid: 198, start: '0x2000c4000000', end: '0x2000c4020000' };
  const before = session.pagemapScan(range);
  const written = session.pagemapScan({ ...range, categoryMask: 'WRITTEN', returnMask: 'WRITTEN', flags: 'WP_MATCHING|CHECK_WPASYNC' });
  assert.deepEqual(
    written.protects,
    written.regions.map(({ start, end }) => ({ start, end })),
  );
  assert.ok(written.protects.length > 0);
  assert.deepEqual(session.pagemapScan(range), before);
  // Without a buffer the masks do not count for pages.
  const silent = session.pagemapScan({ ...range, categoryMask: 'PFNZERO', flags: 'WP_MATCHING', vec: false });
  assert.deepEqual([silent.return, silent.regions, silent.protects], [0, [], written.protects]);
  // A part of a huge page is split and told page by page, so it is no huge page any more.
  const huge = { pid: 198, start: '0x2000b0100000', end: '0x2000b0300000', categoryMask: '0', returnMask: 'HUGE|WRITTEN' };
  const [plain] = session.pagemapScan(huge).regions;
  assert.deepEqual(plain?.categories, ['HUGE']);
  // An area that is not registered is passed over, or ends the scan.
  const other = { pid: 198, start: '0x200000000000', end: '0x200000008000', flags: 'WP_MATCHING' };
  assert.deepEqual([session.pagemapScan(other).return, session.pagemapScan(other).protects], [0, []]);
  assert.equal(session.pagemapScan({ ...other, flags: 'CHECK_WPASYNC' }).errno, 'EPERM');
  session.close();
});

test('validation in the kernel’s order', { skip: absent(debian) ?? false }, () => {
  const session = openMachine(debian);
  const errno = (more: object): string | undefined => session.pagemapScan({ pid: 198, start: '0x1000', end: '0x2000', ...more }).errno;
  assert.equal(errno({}), undefined);
  assert.equal(errno({ size: '88' }), 'EINVAL');
  assert.equal(errno({ flags: '4' }), 'EINVAL');
  assert.equal(errno({ returnMask: '0x100' }), 'EINVAL');
  assert.equal(errno({ categoryMask: 'GUARD' }), 'EINVAL');
  assert.equal(errno({ categoryInverted: '0x8000000000000000' }), 'EINVAL');
  // Alignment is looked at before the range.
  assert.equal(errno({ start: '0x3001', end: '0x1000' }), 'EINVAL');
  assert.equal(errno({ start: '0x3000', end: '0x1000' }), 'EFAULT');
  assert.equal(errno({ end: '0x7ffffffff000' }), undefined);
  assert.equal(errno({ end: '0x7ffffffff001' }), 'EFAULT');
  assert.equal(errno({ start: '0xffff800000000000', end: '0xffff800000001000' }), 'EFAULT');
  assert.equal(errno({ vec: false, vecLen: '1' }), 'EINVAL');
  assert.equal(errno({ vec: false, vecLen: '1', end: '0xffffffffffffffff' }), 'EFAULT');
  // An end inside a page is rounded up, also in what is told.
  assert.equal(session.pagemapScan({ pid: 198, start: '0x1000', end: '0x1801' }).walkEnd, '0x2000');
  assert.equal(session.pagemapScan({ pid: 198, start: '0x1000', end: '0x1000' }).walkEnd, '0x1000');
  assert.throws(() => session.pagemapScan({ pid: 198, categoryMask: 'PRESENT|HUGH' }), /unknown word HUGH/);
  assert.throws(() => session.pagemapScan({ pid: 198, start: 'here' }), /start is no number/);
  session.close();
});

for (const name of smallMachines) {
  test(`scans of ${name} agree with its pagemap`, { skip: absent(name) ?? false }, () => {
    const session = openMachine(name);
    for (const { pid, mm } of session.tasks()) {
      if (mm === null) continue;
      const pagemap = session.pagemap(pid, {});
      const size = BigInt(pagemap.pageSize);
      const told = new Set<bigint>();
      for (const { address, count, entry } of pagemap.entries) {
        if (BigInt(entry) >> 63n === 1n) for (let index = 0n; index < BigInt(count); index++) told.add(BigInt(address) + index * size);
      }
      const found = new Set<bigint>();
      const facts = session.pagemapScan({ pid, categoryMask: 'PRESENT', returnMask: 'PRESENT' });
      assert.equal(facts.errno, undefined);
      for (const { start, end } of facts.regions) for (let at = BigInt(start); at < BigInt(end); at += size) found.add(at);
      assert.deepEqual(found, told);
    }
    session.close();
  });
}

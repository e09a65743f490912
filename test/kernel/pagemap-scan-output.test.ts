/** Regions and limits of PAGEMAP_SCAN against the rule that its documentation gives, for any pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScanOutput } from '../../debug-adapter/kernel/pagemap/pagemap-scan-output.ts';
import { fc } from '../support/properties.ts';

interface Page {
  readonly page: number;
  readonly categories: number;
}

/** Offers pages one by one, as a walk does, and walks on while there is room. */
function offer(
  pages: readonly Page[],
  end: number,
  limits: { vecLen: number; maxPages: number; gathered: number },
): { regions: number[][]; walkEnd: number } {
  const output = new ScanOutput(limits);
  let from = 0;
  for (;;) {
    let full = false;
    for (const { page, categories } of pages) {
      if (page < from) continue;
      const accepted = output.push(page, page + 1, categories);
      if (accepted.full) {
        full = true;
        break;
      }
    }
    output.copyOut();
    if (!full || !output.open) break;
    from = output.stoppedAt ?? end;
  }
  return { regions: output.regions.map(({ start, end: last, categories }) => [start, last, categories]), walkEnd: output.stoppedAt ?? end };
}

/**
 * What fits: pages join a region that they touch and resemble; the first that does not fit is where the walk ends. The
 * kernel walks on where only its own buffer was full, and then leaves the place of that as walk_end, also when it reaches
 * the end (as it does in truth/guest/user.jsonl, `alt`).
 */
function byRule(
  pages: readonly Page[],
  end: number,
  limits: { vecLen: number; maxPages: number; gathered: number },
): { regions: number[][]; walkEnd: number } {
  const regions: number[][] = [];
  let found = 0;
  let gathered = 0;
  let walkEnd = end;
  if (limits.vecLen === 0) return { regions, walkEnd };
  for (const { page, categories } of pages) {
    const last = regions.at(-1);
    const joins = last?.[1] === page && last[2] === categories;
    if (found === limits.maxPages || (!joins && regions.length === limits.vecLen)) return { regions, walkEnd: page };
    if (joins) last[1] = page + 1;
    else {
      if (gathered === limits.gathered) {
        walkEnd = page;
        gathered = 0;
      }
      regions.push([page, page + 1, categories]);
      gathered++;
    }
    found++;
  }
  return { regions, walkEnd };
}

test('pages 2, 3, 7 and 9 of 32', () => {
  const pages = [2, 3, 7, 9].map((page) => ({ page, categories: 8 }));
  const walkEnds = (name: 'maxPages' | 'vecLen', values: readonly number[]): number[] =>
    values.map((value) => offer(pages, 0x20, { vecLen: 99, maxPages: Infinity, gathered: 512, [name]: value }).walkEnd);
  assert.deepEqual(walkEnds('maxPages', [1, 2, 3, 4, 5]), [3, 7, 9, 0x20, 0x20]);
  assert.deepEqual(walkEnds('vecLen', [1, 2, 3, 4]), [7, 9, 0x20, 0x20]);
});

test('any pages, any limits', () => {
  const page = fc.record({ skip: fc.integer({ min: 0, max: 2 }), categories: fc.integer({ min: 0, max: 2 }) });
  fc.assert(
    fc.property(
      fc.array(page, { maxLength: 60 }),
      fc.record({
        vecLen: fc.integer({ min: 0, max: 30 }),
        maxPages: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 40 })),
        // Small, so that regions are copied out many times.
        gathered: fc.integer({ min: 1, max: 6 }),
      }),
      (steps, limits) => {
        let at = 1;
        const pages = steps.map(({ skip, categories }) => ({ page: (at += skip + 1), categories }));
        assert.deepEqual(offer(pages, at + 5, limits), byRule(pages, at + 5, limits));
      },
    ),
    { numRuns: 2000 },
  );
});

test('an extent is cut where the pages end, and one that is taken back leaves no trace', () => {
  const output = new ScanOutput({ vecLen: 4, maxPages: 100, gathered: 512 });
  assert.deepEqual({ ...output.push(0, 512, 1) }, { end: 100, full: true });
  assert.equal(output.stoppedAt, 100);
  const other = new ScanOutput({ vecLen: 2, maxPages: 100, gathered: 512 });
  other.push(10, 20, 1);
  other.push(30, 40, 1);
  other.backOut(30, 40);
  other.push(50, 60, 1);
  other.copyOut();
  assert.deepEqual(other.regions, [
    { start: 10, end: 20, categories: 1 },
    { start: 50, end: 60, categories: 1 },
  ]);
  const joined = new ScanOutput({ vecLen: 2, maxPages: 100, gathered: 512 });
  joined.push(10, 20, 1);
  joined.push(20, 30, 1);
  joined.backOut(20, 30);
  joined.copyOut();
  assert.deepEqual(joined.regions, [{ start: 10, end: 20, categories: 1 }]);
});

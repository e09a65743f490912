/** Entries that are garbage name frames without struct pages by the million: that is seen without a read in vain, and told once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PagemapPages } from '../../debug-adapter/kernel/pagemap/pagemap-page.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { bundled } from '../support/dumps.ts';

test('struct pages that nothing maps', (t) => {
  const session = openSession(nodeHost(), { paths: [bundled.image] });
  try {
    const { kernel } = session;
    const pages = new PagemapPages(kernel);
    assert.ok(Array.from({ length: 4096 }, (_, frame) => pages.isAnonymous(frame)).some((known) => known !== undefined));
    const wild = new PagemapPages(kernel);
    const before = kernel.warnings.size;
    const { mock } = t.mock.method(kernel.memory, 'read');
    for (let frame = 0x4000_0000; frame < 0x4000_0000 + 10_000; frame++) {
      assert.equal(wild.isAnonymous(frame), undefined);
      assert.equal(wild.isMappedOnce(frame), undefined);
    }
    assert.equal(mock.callCount(), 0);
    assert.equal(kernel.warnings.size, before + 1);
    assert.match(
      [...kernel.warnings].at(-1) ?? '',
      /^struct pages cannot be read \(.+\); whether their pages are of a file or shared cannot be told$/,
    );
  } finally {
    session.close();
  }
});

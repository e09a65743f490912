/** Whose a region is, in the one line that a list has room for, from what the adapter says of real addresses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../dap/raw-client.ts';
import type { IdentifyFacts } from '../../debug-adapter/protocol/facts.ts';
import { bundled } from '../support/dumps.ts';
import { loadedModule } from './loaded.ts';

const client = new RawClient();
before(() => client.launch({ image: bundled.image }));
after(() => client.body('disconnect'));

test('an area is named with who asked for it at once: its range is in the row already', async () => {
  const { ownerOf } = (await loadedModule('extension/panels/owner-words.ts')) as { ownerOf: (facts: IdentifyFacts) => string };
  const { areas } = await client.body<{ areas: { start: string; caller: string | null }[] }>('pagewalk/vmallocAreas', {});
  const asked = areas.filter(({ caller }) => caller !== null);
  assert.ok(asked.length > 100, `${asked.length} areas`);
  const addresses = asked.map(({ start }) => start);
  const { results } = await client.body<{ results: IdentifyFacts[] }>('pagewalk/identify', { addresses, mm: 'kernel' });
  for (const [at, facts] of results.entries()) {
    const words = ownerOf(facts);
    assert.doesNotMatch(words, /0x[0-9a-f]+-0x/);
    assert.ok(words.includes(asked[at]?.caller ?? '?'), words);
  }
});

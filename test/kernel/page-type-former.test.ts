/** Types of pages before enumerators named them: up to 5.10 charged pages had one too, and tables and guards the bits above. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageMarks } from '../../debug-adapter/kernel/pages/page-type.ts';
import { PageMemory, pageTypes } from '../builders/page-memory.ts';

const types = pageTypes({ pageflags: { PG_locked: 0, PG_head: 16, PG_slab: 9 } });

/** The type that a word with these bits cleared stands for. */
function named(lines: readonly string[], bits: number): string | undefined {
  return pageMarks(new PageMemory({ ram: [[0, 16]] }).open({ vmcoreinfo: lines, types })).typeName(~bits);
}

test('5.10: page.mem_cgroup is there, so charged pages have a type', () => {
  const lines = ['OFFSET(page.mem_cgroup)=56'];
  assert.equal(named(lines, 0x80), 'buddy');
  assert.equal(named(lines, 0x400), 'table');
  // A charged table of a process has both.
  assert.equal(named(lines, 0x600), 'table');
  assert.equal(named(lines, 0x200), 'kmemcg');
  assert.equal(named(lines, 0x800), 'guard');
});

test('5.11 to 6.9: memcg_data in its place, and no such type', () => {
  assert.equal(named([], 0x80), 'buddy');
  assert.equal(named([], 0x200), 'table');
  assert.equal(named([], 0x400), 'guard');
});

/** The language on real machines: what it asks of the layout, of VMCOREINFO, of memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseScenario } from '../../debug-adapter/scenario/parse-scenario.ts';
import { scenarioCatalogue, startScenario } from '../../debug-adapter/session/scenario.ts';

/** What a scenario prints; throws what it fails with. */
async function printed(text: string): Promise<readonly string[]> {
  const parsed = await parseScenario(text, scenarioCatalogue);
  assert.deepEqual(parsed.problems, []);
  const started = startScenario(parsed);
  if (!('run' in started)) throw new Error(started.message);
  const stop = started.run.runToEnd({ mostStops: 1_000_000 });
  if (stop.kind === 'failed') throw new Error(stop.failure.message);
  return started.run.output;
}

describe('a scenario asks its machine', () => {
  it('for patterns of bytes, where fill() put them', async () => {
    const lines = await printed(`machine { ram 64M }
let a = vmalloc(8K)
fill(a, 16, pattern: "de ad be ef")
fill(a + 4K, 16, "text")
print bytes(a, 6)
let found = search("de ad ?? ef de ad be ef de ad")
print found[0].virtual == a, found[0].physical == vtop(a).physical
print count(search("\\"texttexttext\\"")), count(search("01 23 45 67 89 ab cd ef"))`);
    assert.deepEqual(lines, ['deadbeefdead', 'true true', '2 0']);
  });

  it('and is told what is no pattern', async () => {
    const start = 'machine { ram 64M }\nlet a = vmalloc(4K)\n';
    await assert.rejects(printed(`${start}fill(a, 4)`), /either a text or a pattern/);
    await assert.rejects(printed(`${start}fill(a, 4, "x", pattern: "aa")`), /either a text or a pattern/);
    await assert.rejects(printed(`${start}fill(a, 4, pattern: "xyz")`), /no pattern of bytes; write pairs/);
    await assert.rejects(printed(`${start}print search("no such symbol")`), /no number, no symbol and no pattern/);
    await assert.rejects(printed(`${start}print search("00 ??", limit: 1M)`), /at most 10000/);
  });

  it('for VMCOREINFO, whole and by key', async () => {
    const lines = await printed(`machine { ram 64M; kaslr 4; with page_offset_note }
print vmcoreinfo("PAGESIZE"), vmcoreinfo("OSRELEASE")
print vmcoreinfo("SYMBOL(_stext)") == symbol("_stext"), vmcoreinfo("NUMBER(page_offset_base)") == direct_map(0)
print vmcoreinfo("NUMBER(phys_base)") == eval("phys_base"), count(vmcoreinfo()) > 50`);
    assert.deepEqual(lines, ['4096 6.12.0-simulated', 'true true', 'true true']);
    await assert.rejects(printed('print vmcoreinfo("SIZE(nothing)")'), /VMCOREINFO has no SIZE\(nothing\); vmcoreinfo\(\) gives all/);
    await assert.rejects(printed('print vmcoreinfo("NUMBER(page_offset_base)")'), /VMCOREINFO has no/);
  });

  it('for the tables of the firmware, and of user mode', async () => {
    const lines = await printed(`machine { ram 64M; pti on; with efi }
let gone = 0x11a0_0000
print "{pte(gone, space: "efi").entry:x}", vtop(gone, space: "efi").reason
print "---[ EFI Runtime Services ]---" in ptdump(space: "efi")
let a = vmalloc(4K)
let p = create_process("p")
as p {
  let kernel = count(ptdump())
  print count(ptdump(space: "user")) < kernel
}
print read_entry(0xffff_fe00_0000_0000, level: "pgd", space: "user") == read_entry(0xffff_fe00_0000_0000, level: "pgd")
print read_entry(a, level: "pgd", space: "user")`);
    assert.deepEqual(lines, [
      '0x800fffffee5ff062 the pmd entry is not present (its frame, stored inverted, was at 0x11a00000)',
      'true',
      'true',
      'true',
      '0',
    ]);
  });

  it('for regions that lie where it says', async () => {
    const lines =
      await printed(`machine { ram 64M; direct_map 0xffff_9000_0000_0000; vmalloc 0xffff_b000_0000_0000; vmemmap 0xffff_f000_0000_0000 }
print "{direct_map(0):x} {vmalloc_start():x} {eval("vmemmap_base"):x}", check() == []`);
    assert.deepEqual(lines, ['0xffff900000000000 0xffffb00000000000 0xfffff00000000000 true']);
    await assert.rejects(printed('machine { ram 64M; vmalloc 0xffff_8880_0000_0000 }'), /in this order/);
    await assert.rejects(printed('machine { ram 64M; paging arm64-4k; with efi }'), /efi: these machines have it with x86-64 alone/);
  });

  it('to corrupt any entry and any byte', async () => {
    const lines = await printed(`machine { ram 64M }
let a = vmalloc(4K)
write(a, 0x5a, size: 1)
write_physical(vtop(a).physical + 1, 0xa5, size: 1)
print bytes(a, 3)
snapshot whole
for level in ["pgd", "pud", "pmd", "pte"] {
  let entry = write_entry(a, 0xdead_beef_f000 | 0x63, level: level)
  print level, count(check()) > 0
  write_entry(a, entry, level: level)
  expect check() == []
}`);
    assert.deepEqual(lines, ['5aa500', 'pgd true', 'pud true', 'pmd true', 'pte true']);
  });
});

/** identify against drgn's identify_address on the same dump: where drgn knows an address, Pagewalk knows it as the same. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatAddress } from '../../debug-adapter/base/address.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, dumpFolder, expandedDump, jsonLines } from '../support/dumps.ts';

const name = 'x86-64-debian-6.12';

/** Kinds that answer each of drgn's words; `per-cpu` and `module` say what lies in the area, whose range stands in the details. */
const answers: Readonly<Record<string, readonly string[]>> = {
  'vmap stack': ['task-stack'],
  vmap: ['vmalloc', 'vmap', 'ioremap', 'module', 'per-cpu'],
  'slab object': ['slab-object'],
  'free slab object': ['slab-object'],
  symbol: ['symbol'],
};

/**
 * Where drgn says otherwise: it numbers objects by the size of a slab's pages, and names an object of index 3 in a slab of 3
 * (42 in one of 42). struct slab.objects counts the objects that there are; the rest of the last page is unused.
 */
const behindTheLastObject: ReadonlySet<string> = new Set(['slab object: task_struct+0x1c18', 'slab object: kmalloc-96+0x18']);

interface Line {
  readonly addr: string;
  readonly drgn: string | null;
}

const lines = (): Line[] => jsonLines<Line>(join(dumpFolder(name) ?? '', 'truth/drgn/identify.jsonl'));

test('identify knows what drgn knows', { skip: absent(name) ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
  const wrong: string[] = [];
  const known = { symbol: 0, slab: 0, other: 0 };
  const different: string[] = [];
  for (const { addr, drgn } of lines()) {
    if (drgn === null) continue;
    const facts = session.identify(addressOf(addr));
    assert.ok(facts.summary !== '' && facts.kind !== 'note', `${addr}: ${facts.summary}`);
    const word = /^(?:function |object )?symbol/.test(drgn) ? 'symbol' : (drgn.split(':')[0] ?? '');
    const kinds = answers[word];
    if (kinds?.includes(facts.kind) !== true) wrong.push(`${addr}: drgn ${drgn}, we ${facts.kind} ${facts.summary}`);
    // The area's own range, and the stack's own task, must be drgn's.
    const [range] = /0x[0-9a-f]+-0x[0-9a-f]+/.exec(drgn) ?? [];
    const ranges = facts.details.map(({ start, end }) => `${String(start)}-${String(end)}`);
    if (range !== undefined && !ranges.includes(range)) wrong.push(`${addr}: drgn ${drgn}, our ranges ${ranges.join(' ')}`);
    const [first] = facts.details;
    const [, pid] = /^vmap stack: (\d+) /.exec(drgn) ?? [];
    if (pid !== undefined && first?.['pid'] !== Number(pid)) wrong.push(`${addr}: drgn ${drgn}, we ${facts.summary}`);
    const [slab, free, cache, offset] = /^(free )?slab object: (\S+)\+(0x[0-9a-f]+)/.exec(drgn) ?? [];
    if (slab !== undefined) {
      known.slab++;
      const same = first?.['cache'] === cache && first?.['offset'] === Number(offset) && first['allocated'] === (free === undefined);
      if (!same && first?.['cache'] === cache && first?.['object'] === null) different.push(drgn);
      else if (!same) wrong.push(`${addr}: drgn ${drgn}, we ${facts.summary}`);
    } else if (word === 'symbol') {
      known.symbol++;
      const at = /\+(0x[0-9a-f]+)$/.exec(drgn)?.[1] ?? '';
      // The same symbol, or another name of its address. Of strings' own labels only vmlinux knows (scripts/kallsyms.c leaves them out).
      if (/symbol: (?:\.L|__kstrtab)/.test(drgn)) continue;
      if (first?.['start'] !== formatAddress(addressOf(addr) - BigInt(at))) wrong.push(`${addr}: drgn ${drgn}, we ${facts.summary}`);
    } else known.other++;
  }
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of drgn's answers`);
  assert.deepEqual(new Set(different), behindTheLastObject);
  assert.deepEqual({ symbol: known.symbol, all: known.symbol + known.slab + known.other }, { symbol: 225, all: 1383 });
  assert.ok(known.slab > 200, `${known.slab} slab objects`);
  session.close();
});

test('identify answers where drgn knows nothing', { skip: absent(name) ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
  const kinds = new Map<string, number>();
  const silent = lines().filter(({ drgn }) => drgn === null);
  assert.equal(silent.length, 1411);
  for (const { addr } of silent) {
    const { kind, summary, details } = session.identify(addressOf(addr));
    assert.ok(summary !== '' && !['note', 'region'].includes(kind), `${addr}: ${kind} ${summary}`);
    assert.ok(!summary.includes('\n') && !summary.endsWith('.'), `${addr}: ${summary}`);
    assert.equal(details[0]?.summary, summary);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  for (const [kind, least] of [
    ['free-page', 300],
    ['reserved-page', 40],
    ['kernel-image-alias', 50],
    ['struct-page', 100],
    ['vmalloc-freed', 60],
    ['vmap-block', 50],
    ['anonymous-page', 40],
    ['page-cache', 25],
    ['per-cpu', 5],
    ['page-table', 4],
    ['fixmap', 3],
    ['task-stack', 4],
  ] as const) {
    assert.ok((kinds.get(kind) ?? 0) >= least, `${kind}: ${kinds.get(kind) ?? 0}`);
  }
  session.close();
});

test('addresses in modules bear the section of the file', { skip: absent(name) ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
  const [module] = session.modules().filter((one) => one.name === 'xfs');
  const sections = new Map<string, number>();
  for (const { start, end, kind } of module?.ranges ?? []) {
    for (let at = BigInt(start); at < BigInt(end); at += 4096n) {
      const [first] = session.identify(addressOf(`0x${at.toString(16)}`)).details;
      assert.deepEqual([first?.kind, first?.['module'], first?.['part']], ['module', 'xfs', kind]);
      const section = String(first?.['section']);
      sections.set(`${kind} ${section}`, (sections.get(`${kind} ${section}`) ?? 0) + 1);
      // The symbol's letter tells its section's kind.
      const symbol = session.resolveSymbol(addressOf(`0x${at.toString(16)}`));
      if (symbol?.type.toLowerCase() === 't') assert.match(section, /text/);
      if (symbol?.type.toLowerCase() === 'd') assert.doesNotMatch(section, /text/);
    }
  }
  assert.ok((sections.get('text .text') ?? 0) > 100, JSON.stringify([...sections]));
  assert.ok([...sections.keys()].some((one) => one.startsWith('data .')) && [...sections.keys()].some((one) => one.startsWith('rodata .')));
  session.close();
});

test('pages of the cache bear the inodes and paths of files', { skip: absent(name) ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [expandedDump(name, 'dump.elf')] });
  const facts = session.identify(addressOf('0xffff8ea08f28c720'));
  const [first] = facts.details;
  assert.deepEqual(
    {
      kind: facts.kind,
      inode: first?.['inodeNumber'],
      path: first?.['path'],
      fileSystem: first?.['fileSystem'],
      flags: Array.isArray(first?.['flags']),
    },
    { kind: 'page-cache', inode: 6, path: '/bin/busybox', fileSystem: 'rootfs', flags: true },
  );
  session.close();
});

test('names given from outside do not reach over freed memory of modules', { skip: absent(name) ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pagewalk-identify-'));
  try {
    const symbols = join(folder, 'kallsyms.txt');
    writeFileSync(
      symbols,
      execFileSync('zstd', ['-dc', join(dumpFolder(name) ?? '', 'truth/guest/kallsyms.txt.zst')], { maxBuffer: 1 << 28 }),
    );
    const paths = [expandedDump(name, 'dump.elf')];
    const given = openSession(nodeHost(), { paths, symbols });
    const own = openSession(nodeHost(), { paths });
    let far = 0;
    let modules = 0;
    for (const { addr } of lines()) {
      const address = addressOf(addr);
      const hit = given.identify(address).details.find(({ kind }) => kind === 'symbol');
      const inside = own.identify(address).details;
      if (hit === undefined || hit['module'] === null) continue;
      modules++;
      // The kernel's list shows trampolines of ftrace as if of a module; they are shorter than a page.
      if (hit['module'] === '__builtin__ftrace' && Number(hit['offset']) < 4096) continue;
      if (inside.find(({ kind }) => kind === 'module')?.['module'] !== hit['module']) far++;
    }
    assert.equal(far, 0);
    assert.ok(modules > 20, `${modules} names of modules`);
    given.close();
    own.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

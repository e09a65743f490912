/**
 * Page categories of real dumps: held against makedumpfile's counts, against what the guest's kernel said of each page, and
 * against the kernel's own count of free pages; the same from every form of a dump.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { addToAddress, toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Address } from '../../debug-adapter/base/address.ts';
import { frameCategory } from '../../debug-adapter/kernel/pages/page-category-frame.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { perCpuAddress, possibleCpus } from '../../debug-adapter/kernel/per-cpu.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { PageCategoriesFacts } from '../../debug-adapter/protocol/facts.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { RawClient } from '../dap/raw-client.ts';
import { absent, bundled, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';
import { debian, smallMachines } from '../support/processes.ts';

const debianDump = (): string => expandedDump(debian, 'dump.elf');
const open = (path: string): Session => openSession(nodeHost(), { paths: [path] });
const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');

/**
 * What makedumpfile 1.7.9 (built for each architecture; the first that knows 6.12) printed as --show-stats -d 31 of the dump
 * with its program headers moved to 64: total, memory hole, zero, non-private cache, private cache, user, free, remaining.
 * It has no build for a big-endian dump on a little-endian machine, nor one that reads the 32-bit dump here.
 */
const makedumpfile: Readonly<Record<string, readonly number[]>> = {
  'x86-64-debian-6.12': [0x10000, 0, 0x2305, 0xb1e, 0x201, 0x18e9, 0x6fb3, 0x4740],
  'x86-64': [0x8000, 0, 0x574, 0xe5, 0, 0xeff, 0x50c4, 0x19e4],
  'x86-64-efi': [0x10000, 0, 0x520, 0xe5, 0, 0x111e, 0xc3c0, 0x251d],
  'x86-64-kasan': [0x10000, 0, 0x16fb, 0xe5, 0, 0xefc, 0x8d46, 0x4bde],
  'arm64-4k': [0x48000, 0x40000, 0x46d, 0xc6, 0, 0xd75, 0x56ec, 0x166c],
  'arm64-64k': [0x5000, 0x4000, 0x48, 0x14, 0, 0xd8, 0xa90, 0x43c],
  'riscv64-sv48': [0x88000, 0x7fff1, 0x189d, 0x96, 0, 0xd7e, 0x442f, 0x152f],
  ppc64le: [0x1000, 0, 0x221, 0x19, 0, 0xd6, 0x91e, 0x3d2],
};

const machines = [debian, ...smallMachines];

/** Bytes of firmware at the end of the first 4 GiB, which QEMU dumps too. */
const firmware: Readonly<Record<string, number>> = {
  [debian]: 0x4_0000,
  'x86-64': 0x4_0000,
  'x86-64-efi': 0x20_0000,
  'x86-64-kasan': 0x4_0000,
  'i386-pae-pti': 0x4_0000,
};

const sumOf = ({ categories }: PageCategoriesFacts): number => Object.values(categories).reduce((sum, pages) => sum + pages, 0);

/** Free pages by the kernel's own counters: each zone's vm_stat, and what CPUs have not yet added to it (mm/vmstat.c). */
function freeByCounters(kernel: Kernel): number {
  const structs = kernel.structs('counting free pages');
  const [node, zone] = [structs.get('pglist_data'), structs.get('zone')];
  const perCpu = structs.get('per_cpu_zonestat');
  const array = kernel.vmcoreinfo?.symbol('node_data');
  const single = kernel.addressOf('contig_page_data') ?? kernel.vmcoreinfo?.symbol('contig_page_data');
  const nodes: Address[] = [];
  if (array !== undefined) {
    for (let index = 0; index < (kernel.vmcoreinfo?.length('node_data') ?? 0); index++) {
      const address = kernel.memory.pointer(addToAddress(toAddress(array), index * kernel.memory.pointerSize));
      if (address !== 0n) nodes.push(address);
    }
  } else if (single !== undefined) nodes.push(toAddress(single));
  assert.ok(nodes.length > 0);
  let free = 0;
  for (const address of nodes) {
    for (let index = 0; index < node.number(address, 'nr_zones'); index++) {
      const at = addToAddress(node.address(address, 'node_zones'), index * zone.size);
      free += zone.number(at, 'vm_stat[0].counter');
      // An unpopulated zone has the boot-time statistics of all.
      if (zone.number(at, 'present_pages') === 0) continue;
      const stats = zone.pointer(at, 'per_cpu_zonestats');
      for (const cpu of possibleCpus(kernel))
        free += (kernel.memory.u8(perCpu.address(perCpuAddress(kernel, stats, cpu), 'vm_stat_diff')) << 24) >> 24;
    }
  }
  return free;
}

for (const name of machines) {
  describe(name, { skip: absent(name) ?? false }, () => {
    let session: Session;
    let facts: PageCategoriesFacts;
    before(() => {
      session = open(name === debian ? debianDump() : expandedDump(name, 'vmcore.elf'));
      facts = session.pageCategories({});
    });
    after(() => {
      session.close();
    });

    test('each page is counted once', () => {
      assert.equal(sumOf(facts), facts.total);
      assert.deepEqual([facts.holes, facts.hwpoison, facts.offline], [0, 0, 0]);
      assert.deepEqual(facts.warnings, []);
      // Firmware behind the last section of memory is not the kernel's.
      const ram = session.info().memory.ranges.reduce((sum, { start, end }) => sum + Number(BigInt(end) - BigInt(start)), 0);
      const rom = firmware[name] ?? 0;
      assert.equal(facts.total * facts.pageSize, ram - rom);
    });

    const expected = makedumpfile[name];
    if (expected !== undefined) {
      test("makedumpfile's counts", () => {
        const { zero, cache, cachePrivate, user, free, kernel } = facts.categories;
        assert.deepEqual([facts.total + facts.memoryHoles, facts.memoryHoles, zero, cache, cachePrivate, user, free, kernel], expected);
      });
    }

    test("as many free pages as the kernel's own counters say", () => {
      assert.equal(facts.categories.free, freeByCounters(session.kernel));
    });

    test('pages one by one are of the categories that they were counted in', () => {
      const found = { zero: 0, cache: 0, cachePrivate: 0, user: 0, free: 0, kernel: 0, hwpoison: 0, offline: 0 };
      for (const { start, end } of session.info().memory.ranges) {
        for (let pfn = Math.floor(Number(start) / facts.pageSize); pfn * facts.pageSize < Number(end); pfn++) {
          if (pfn >= facts.total + facts.memoryHoles) break;
          const category = frameCategory(session.kernel, pfn)?.category;
          assert.ok(category);
          found[category]++;
        }
      }
      assert.deepEqual(found, { ...facts.categories, hwpoison: 0, offline: 0 });
    });
  });
}

describe('beside the truth of the distribution kernel', { skip: absent(debian) ?? false }, () => {
  /** makedumpfile 1.7.6's counts at a dump level. */
  function level(wanted: number): Record<string, number> {
    const part = truthText(debian, 'page-categories.txt').split(`== -d ${wanted}\n`)[1]?.split('\n==')[0] ?? '';
    return Object.fromEntries(
      [...part.matchAll(/^\s*([A-Z][A-Za-z -]+?)\s*: 0x([0-9a-f]+)$/gm)].map(([, what = '', hex = '']) => [what, parseInt(hex, 16)]),
    );
  }
  let session: Session;
  before(() => {
    session = open(debianDump());
  });
  after(() => {
    session.close();
  });

  test('what makedumpfile 1.7.6 knows of 6.12: cache, user; zero, but for those of free pages, which it does not know', () => {
    const all = level(31);
    const { categories, total } = session.pageCategories({});
    assert.equal(total, all['Total pages']);
    assert.equal(categories.cache, all['Non-private cache pages']);
    assert.equal(categories.cachePrivate, all['Private cache pages']);
    assert.equal(categories.user, all['User process data pages']);
    let zero = 0;
    let zeroKept = 0;
    for (let pfn = 0; pfn < total; pfn++) {
      if (session.readPhysical(toPhysAddr(pfn * 4096), 4096).bytes.some((byte) => byte !== 0)) continue;
      zero++;
      const category = frameCategory(session.kernel, pfn)?.category;
      if (category === 'zero' || category === 'free') zeroKept++;
    }
    assert.equal(zero, level(1)['Pages filled with zero']);
    assert.equal(zeroKept, all['Pages filled with zero']);
  });

  test('what the guest said of each page, a moment before', () => {
    const flags = execFileSync('zstd', ['-dc', join(dumpFolder(debian) ?? '', 'truth/guest/kpageflags.bin.zst')], { maxBuffer: 1 << 24 });
    const differ: string[] = [];
    let pages = 0;
    for (let pfn = 0; pfn * 8 < flags.length && pfn < 0x1_0000; pfn++, pages++) {
      const of = flags.readBigUInt64LE(pfn * 8);
      const has = (bit: number): boolean => ((of >> BigInt(bit)) & 1n) === 1n;
      // include/uapi/linux/kernel-page-flags.h: SLAB (whose mapping is something else), BUDDY, HUGE, ANON, LRU.
      const said = has(7) ? 'kernel' : has(10) ? 'free' : has(17) || has(12) ? 'user' : has(5) ? 'cache' : 'kernel';
      const category = frameCategory(session.kernel, pfn)?.category ?? 'none';
      const told = category === 'zero' ? 'kernel' : category === 'cachePrivate' ? 'cache' : category;
      if (said !== told) differ.push(`${pfn.toString(16)} ${said} ${told}`);
    }
    assert.equal(pages, 0x1_0000);
    // Pages that printing all this took or gave back.
    assert.ok(differ.length < 100, `${differ.length} pages differ: ${differ.slice(0, 10).join(', ')}`);
  });

  test('every form of a part of the dump: the same counts from the same struct pages', () => {
    const whole = session.pageCategories({});
    const mini = join(dumpFolder(debian) ?? '', 'mini');
    const files = readdirSync(mini).filter((file) => /^mini-(zlib|lzo|snappy|zstd)\.kdump$/.test(file));
    assert.equal(files.length, 4);
    for (const file of files) {
      const part = open(join(mini, file));
      const facts = part.pageCategories({});
      part.close();
      const { zero, kernel, ...others } = whole.categories;
      const { zero: partZero, kernel: partKernel, ...partOthers } = facts.categories;
      assert.deepEqual(partOthers, others, file);
      // What is not there cannot be looked at for zeros, and that is told.
      assert.equal(partZero + partKernel, zero + kernel, file);
      assert.equal(facts.warnings.length, 1);
      assert.match(facts.warnings[0] ?? '', /^\d+ pages counted as kernel data: their bytes are not in the dump/);
    }
  });

  test('identify names the category of a page of the direct map, and the dump level that leaves it out', () => {
    const { directMap } = { directMap: BigInt(session.info().evidence.find(({ quantity }) => quantity === 'pageOffset')?.value ?? '0') };
    const seen = new Map<string, string>();
    for (let pfn = 0x100; pfn < 0x1_0000 && seen.size < 6; pfn += 7) {
      const detail = session.identify(toAddress(directMap + BigInt(pfn * 4096))).details.find(({ kind }) => kind === 'page-category');
      assert.ok(detail);
      assert.equal(detail['category'], frameCategory(session.kernel, pfn)?.category);
      if (!seen.has(String(detail['category']))) seen.set(String(detail['category']), detail.summary);
    }
    assert.deepEqual([...seen.keys()].sort(), ['cache', 'cachePrivate', 'free', 'kernel', 'user', 'zero']);
    assert.match(seen.get('free') ?? '', /^a free page, in a buddy block of order \d+: makedumpfile -d 16 would leave it out$/);
    assert.equal(seen.get('cachePrivate'), 'a cache page, with PG_private: makedumpfile -d 4 would leave it out');
    assert.equal(seen.get('kernel'), 'kernel data: makedumpfile keeps it at every dump level');
  });
});

describe('the bundled part of a dump', () => {
  test('what has no struct page in it is a hole, and told; a read says what a page was that is not in it', () => {
    const session = open(bundled.image);
    const facts = session.pageCategories({});
    assert.equal(facts.total, 0x1_0000);
    assert.ok(facts.holes > 0);
    assert.equal(sumOf(facts) + facts.holes, facts.total);
    assert.match(facts.warnings[0] ?? '', new RegExp(`^${facts.holes} pages of 65536: their struct pages are not in the dump`));
    const reasons = new Set<string>();
    for (let pfn = 0; pfn < 0x1_0000; pfn++) {
      for (const { reason } of session.readPhysical(toPhysAddr(pfn * 4096), 4096).holes) {
        const category = frameCategory(session.kernel, pfn)?.category;
        assert.equal(reason.message.includes('; by its struct page it is '), category !== undefined, reason.message);
        reasons.add(/; by its struct page it is (.*?)(?: of order \d+)?$/.exec(reason.message)?.[1] ?? '');
      }
    }
    assert.ok(reasons.has('a page of user data, anonymous') && reasons.has('a free page, in a buddy block'), [...reasons].join());
    session.close();
  });
});

describe('the verb', () => {
  const run = (...args: string[]): { status: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'pages', ...args], { encoding: 'utf8' });
    return { status, out: stdout, err: stderr };
  };

  test("prints makedumpfile's --mem-usage", { skip: absent(debian) ?? false }, () => {
    const { status, out, err } = run(debianDump());
    assert.deepEqual([status, err], [0, '']);
    assert.equal(
      out,
      `
TYPE		PAGES			EXCLUDABLE	DESCRIPTION
----------------------------------------------------------------------
ZERO		8965            	yes		Pages filled with zero
NON_PRI_CACHE	2846            	yes		Cache pages without private flag
PRI_CACHE	513             	yes		Cache pages with private flag
USER		6377            	yes		User process pages
FREE		28595           	yes		Free pages
KERN_DATA	18240           	no		Dumpable kernel data \n
page size:		4096            
Total pages on system:	65536           
Total size on system:	268435456        Byte
`,
    );
  });

  test('--json has the shape that scripts rely on; warnings are told on standard error', () => {
    const { status, out } = run(bundled.image, '--json');
    assert.equal(status, 0);
    const facts = JSON.parse(out) as PageCategoriesFacts;
    assert.deepEqual(Object.keys(facts.categories), ['zero', 'cache', 'cachePrivate', 'user', 'free', 'kernel']);
    for (const count of [facts.total, facts.holes, ...Object.values(facts.categories)]) assert.equal(typeof count, 'number');
    const text = run(bundled.image);
    assert.match(text.out, new RegExp(`^No struct page in dump:\\t${facts.holes} +$`, 'm'));
    assert.match(text.err, /pagewalk: warning: \d+ pages of 65536: their struct pages are not in the dump/);
  });
});

describe('pagewalk/pageCategories', () => {
  test('is answered in a thread, with progress', async () => {
    const client = new RawClient(nodeHost(pathToFileURL(program)));
    await client.launch({ image: bundled.image }, { supportsProgressReporting: true });
    const facts = await client.body('pagewalk/pageCategories', {});
    const session = open(bundled.image);
    assert.deepEqual(facts, session.pageCategories({}));
    session.close();
    assert.ok(client.events.some(({ event, body }) => event === 'progressStart' && (body as { title: string }).title === 'Counting pages'));
    await client.body('disconnect');
  });

  test('can be cancelled', { skip: absent(debian) ?? false }, async () => {
    const client = new RawClient(nodeHost(pathToFileURL(program)));
    await client.launch({ image: debianDump() });
    const seq = client.send('pagewalk/pageCategories', {});
    await client.ask('cancel', { requestId: seq });
    const reply = await client.replyTo(seq);
    assert.deepEqual([reply.success, reply.message], [false, 'cancelled']);
    // The next one is answered.
    assert.equal((await client.body<PageCategoriesFacts>('pagewalk/pageCategories', {})).total, 0x1_0000);
    await client.body('disconnect');
  });
});

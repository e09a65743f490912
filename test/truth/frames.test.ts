/** Page frames of real dumps: what each is used for and who maps it, against what the kernels told of themselves. */
import { limits } from '../../debug-adapter/base/limits.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addToAddress, toAddress, toPhysAddr } from '../../debug-adapter/base/address.ts';
import type { Kernel } from '../../debug-adapter/kernel/kernel.ts';
import { cpuFreePage } from '../../debug-adapter/kernel/pages/cpu-free-pages.ts';
import { memoryNodes } from '../../debug-adapter/kernel/pages/numa.ts';
import { memoryModel, pageOfFrame } from '../../debug-adapter/kernel/pages/page-frame.ts';
import { perCpuAddress, possibleCpus } from '../../debug-adapter/kernel/per-cpu.ts';
import { resources } from '../../debug-adapter/kernel/resource.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession, Session } from '../../debug-adapter/session/session.ts';
import { absent, dumpFolder, expandedDump, jsonLines, truthText } from '../support/dumps.ts';
import { debian, smallMachines } from '../support/processes.ts';

function open(name: string): Session {
  const session = openSession(nodeHost(), { paths: [expandedDump(name, name === debian ? 'dump.elf' : 'vmcore.elf')] });
  assert.ok(session instanceof Session);
  return session;
}

/** Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h). */
const kpf = { slab: 7, buddy: 10, mmap: 11, anon: 12, huge: 17, nopage: 20, thp: 22, zeroPage: 24, pageTable: 26, reserved: 32 } as const;

interface Users {
  readonly pid: number;
  readonly virtual: string;
}

describe('the Debian kernel', { skip: absent(debian) ?? false }, () => {
  const guest = join(dumpFolder(debian) ?? '', 'truth/guest');
  const words = (file: string): BigUint64Array => {
    const bytes = execFileSync('zstd', ['-dc', join(guest, file)], { maxBuffer: 1 << 28 });
    return new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };
  let session: Session;
  before(() => {
    session = open(debian);
  });
  after(() => {
    session.close();
  });

  test('every frame is what /proc/kpageflags said', () => {
    const flags = words('kpageflags.bin.zst');
    assert.equal(flags.length, 65_536);
    const changed: string[] = [];
    let judged = 0;
    flags.forEach((word, pfn) => {
      const has = (bit: number): boolean => ((word >> BigInt(bit)) & 1n) === 1n;
      if (has(kpf.nopage)) return;
      const expected = has(kpf.slab)
        ? 'slab-object'
        : has(kpf.buddy)
          ? 'free-page'
          : has(kpf.huge)
            ? 'hugetlb-page'
            : has(kpf.zeroPage)
              ? 'zero-page'
              : has(kpf.pageTable)
                ? 'page-table'
                : has(kpf.anon)
                  ? 'anonymous-page'
                  : undefined;
      if (expected === undefined) return;
      judged++;
      const { details } = session.identifyPhysical(toPhysAddr(pfn * 4096));
      if (!details.some(({ kind }) => kind === expected)) changed.push(`${expected} -> ${details[0]?.kind ?? ''}`);
    });
    assert.ok(judged > 35_000, String(judged));
    // The machine went on between the file and the dump: the process that wrote it ended, and others took memory.
    const counts = new Map<string, number>();
    for (const one of changed) counts.set(one, (counts.get(one) ?? 0) + 1);
    const free = [...counts].filter(([change]) => !change.startsWith('free-page') && !change.endsWith('free-page'));
    assert.deepEqual(free, [], 'what was in use may have been freed and the other way round, but is nothing else');
    assert.ok(changed.length < 100, `${changed.length} changed`);
  });

  test('who has a page mapped is who read it in /proc/PID/pagemap', () => {
    const flags = words('kpageflags.bin.zst');
    const counts = words('kpagecount.bin.zst');
    const lines = jsonLines<{ at: string; e?: string[] }>(join(guest, 'pagemap.jsonl'));
    const missing: string[] = [];
    let found = 0;
    for (const { at, e = [] } of lines) {
      e.forEach((entry, index) => {
        const word = BigInt(entry);
        if (word >> 63n === 0n) return;
        const pfn = Number(word & ((1n << 55n) - 1n));
        const flag = flags[pfn];
        // Frames without a struct page (devices), pages that the kernel maps for all (vdso, zero page), and secret memory aside.
        if (flag === undefined || ((flag >> BigInt(kpf.mmap)) & 1n) === 0n || ((flag >> BigInt(kpf.reserved)) & 1n) === 1n) return;
        const virtual = `0x${(BigInt(at) + BigInt(index * 4096)).toString(16)}`;
        const detail = session.identifyPhysical(toPhysAddr(pfn * 4096)).details.find(({ kind }) => kind === 'mapped-by');
        const users = (detail?.['users'] ?? []) as readonly Users[];
        if (users.some((user) => user.pid === 198 && user.virtual === virtual)) found++;
        else missing.push(`${virtual} pfn 0x${pfn.toString(16)} of ${counts[pfn] ?? ''} mappings: ${JSON.stringify(users.slice(0, 3))}`);
      });
    }
    assert.ok(found > 5000, String(found));
    assert.deepEqual(missing.slice(0, 5), [], `${missing.length} not found, ${found} found`);
  });

  test('frames of the test module are told by the area that maps them', () => {
    const lines = truthText(debian, 'guest/fxvm.txt').split('\n');
    const json = <Line>(tag: string): Line[] =>
      lines.flatMap((line) => (line.startsWith(`${tag} `) ? [JSON.parse(line.slice(5)) as Line] : []));
    // The last line of a mapping tells what became of it.
    const states = new Map(json<{ name: string; state: string }>('FXVM').map(({ name, state }) => [name, state]));
    let compared = 0;
    let cut = 0;
    for (const { name, addr, pfns } of json<{ name: string; addr: string; pfns: number[] }>('FXPG')) {
      if (states.get(name) !== 'live') continue;
      pfns.slice(0, 8).forEach((pfn, index) => {
        const virtual = `0x${(BigInt(addr) + BigInt(index * 4096)).toString(16)}`;
        const { details } = session.identifyPhysical(toPhysAddr(pfn * 4096));
        const places = details.flatMap((detail) => (typeof detail['virtual'] === 'string' ? [detail['virtual']] : []));
        // Some of the module's frames are mapped more often than is told.
        if (places.includes(virtual)) compared++;
        else {
          assert.equal(places.length, limits.framePlaces, `${name} ${virtual}: ${places.join(' ')}`);
          assert.match(JSON.stringify(details), /and it is mapped at more addresses/);
          cut++;
        }
      });
    }
    assert.ok(compared > 150 && cut > 0, `${compared} ${cut}`);
  });

  test('memory of devices is told by its resource and by what maps it', () => {
    const facts = session.identifyPhysical(toPhysAddr(0xfebf_4000));
    assert.equal(facts.kind, 'ioremap');
    assert.deepEqual(facts.details.find(({ kind }) => kind === 'resource')?.['path'], [
      'PCI Bus 0000:00',
      '0000:00:02.0',
      'virtio-pci-modern',
    ]);
    assert.equal(session.identifyPhysical(toPhysAddr(0xfec0_0000)).summary, 'IOAPIC 0 in /proc/iomem, 0xfec00000-0xfec003ff');
  });
});

/** The lists of free pages of CPUs agree with the counters beside them. */
function checkCpuLists(kernel: Kernel): number {
  const structs = kernel.structs('the test');
  const node = structs.get('pglist_data');
  const zone = structs.get('zone');
  const lists = structs.get('per_cpu_pages');
  const page = structs.get('page');
  const listed = new Map<number, number>();
  let all = 0;
  for (const { start, end } of memoryModel(kernel)?.pieces ?? []) {
    for (let pfn = start; pfn < end; pfn++) {
      const free = cpuFreePage(kernel, pfn);
      if (free === undefined) continue;
      all++;
      listed.set(free.cpu, (listed.get(free.cpu) ?? 0) + 1);
      assert.equal(page.number(pageOfFrame(kernel, pfn) ?? toAddress(0), '_refcount.counter'), 0, `frame ${pfn}`);
    }
  }
  const counted = new Map<number, number>();
  for (const at of memoryNodes(kernel)) {
    for (let index = 0; index < node.arrayLength('node_zones'); index++) {
      const pages = zone.pointer(node.address(at, `node_zones[${index}]`), 'per_cpu_pageset');
      if (pages === 0n) continue;
      for (const cpu of possibleCpus(kernel)) {
        const count = lists.number(perCpuAddress(kernel, pages, cpu), 'count');
        if (count > 0) counted.set(cpu, (counted.get(cpu) ?? 0) + count);
      }
    }
  }
  assert.deepEqual([...listed].sort(), [...counted].sort());
  return all;
}

for (const name of [...smallMachines, debian]) {
  test(`${name}: pages that CPUs keep as free are as many as the kernel counts`, { skip: absent(name) ?? false }, () => {
    const session = open(name);
    assert.ok(checkCpuLists(session.kernel) > 0);
    session.close();
  });

  test(`${name}: resources are those of /proc/iomem`, { skip: absent(name) ?? false }, () => {
    const session = open(name);
    const truth = truthText(name, name === debian ? 'guest/iomem.txt' : 'iomem.txt');
    const digits = (/^([0-9a-f]+)-/.exec(truth)?.[1] ?? '').length;
    const text = resources(session.kernel)
      .map(({ start, end, name: whose, depth }) => {
        const hex = (value: bigint): string => value.toString(16).padStart(digits, '0');
        return `${'  '.repeat(depth - 1)}${hex(start)}-${hex(end)} : ${whose}\n`;
      })
      .join('');
    // A file for root alone hides addresses from others; these were root's.
    assert.equal(text, truth);
    session.close();
  });

  test(`${name}: every struct page is told as one, at each of its bytes`, { skip: absent(name) ?? false }, () => {
    const session = open(name);
    const { kernel } = session;
    const size = memoryModel(kernel)?.pageStructSize ?? 0;
    for (const { start, end } of memoryModel(kernel)?.pieces ?? []) {
      for (const pfn of [start, Math.floor((start + end) / 2), end - 1]) {
        const page = pageOfFrame(kernel, pfn);
        assert.ok(page !== undefined);
        const [first] = session.identify(addToAddress(page, size - 1)).details;
        assert.deepEqual(
          { kind: first?.kind, pfn: first?.['pfn'], offset: first?.['offset'] },
          { kind: 'struct-page', pfn, offset: size - 1 },
        );
      }
    }
    session.close();
  });
}

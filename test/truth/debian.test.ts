/**
 * The Debian 6.12 kernel, as the whole ELF dump and as the small kdump files of the same moment: what the guest said and
 * what drgn read.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addToAddress } from '../../debug-adapter/base/address.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import type { DrgnBlock } from '../support/drgn-block.ts';
import { absent, addressOf, bundled, dumpFolder, expandedDump, jsonLines } from '../support/dumps.ts';

const name = 'x86-64-debian-6.12';
const skip = absent(name);
const folder = dumpFolder(name) ?? '';

interface DrgnWalk {
  readonly space: string;
  readonly name: string;
  readonly addr: string;
  readonly phys?: string;
  readonly walk: readonly { readonly level: number; readonly at: string; readonly entry: string }[];
}

interface DrgnArea {
  readonly where: string;
  readonly node: number;
  readonly ptr: string;
  readonly va_start: string;
  readonly va_end: string;
  readonly flags: string;
  readonly vm?: { readonly ptr: string; readonly nr_pages: number; readonly phys_addr: string; readonly caller_sym: string | null } | null;
}

const images: readonly {
  readonly label: string;
  readonly path: () => string;
  readonly truth: (file: string) => string;
  readonly whole: boolean;
}[] = [
  { label: 'dump.elf', path: () => expandedDump(name, 'dump.elf'), truth: (file) => join(folder, 'truth', file), whole: true },
  { label: 'the bundled mini-sym.kdump', path: () => bundled.image, truth: bundled.truth, whole: false },
];

/** drgn names no symbol where the caller lay in a module's freed init text; the size after the slash is the kernel's alone. */
function symbolic(caller: string | null): string {
  return caller === null || caller.startsWith('0x') ? 'none' : caller.replace(/\/0x[0-9a-f]+/, '');
}

for (const { label, path, truth, whole } of images) {
  describe(label, { skip: whole ? (skip ?? false) : false }, () => {
    let session: Session;
    before(() => {
      session = openSession(nodeHost(), { paths: [path()] });
    });
    after(() => {
      session.close();
    });

    test('translation equals drgn, level by level', () => {
      const walks = jsonLines<DrgnWalk>(truth('drgn/vtop.jsonl'));
      const user = readFileSync(truth('guest/user.pid'), 'utf8').trim();
      assert.ok(walks.length > 100);
      const wrong: string[] = [];
      for (const walk of walks) {
        const mm = walk.space === 'kernel' ? 'kernel' : user;
        const ours = session.translate(addressOf(walk.addr), mm);
        const levels = ours.levels.map(({ entryAddress, entry }) => `${entryAddress}=${entry}`).join(' ');
        const theirs = walk.walk.map(({ at, entry }) => `${at}=${entry}`).join(' ');
        if (levels !== theirs || (ours.physical ?? undefined) !== walk.phys) {
          wrong.push(
            `${walk.space} ${walk.name} ${walk.addr}: ours ${levels} -> ${ours.physical}, drgn ${theirs} -> ${walk.phys ?? 'nothing'}`,
          );
        }
      }
      assert.deepEqual(wrong.slice(0, 5), []);
    });

    test('the whole kernel table equals drgn, run by run', { skip: whole ? false : 'its truth is for the whole dump' }, () => {
      const runs = jsonLines<{ va: string; level: number; n: number; phys: string; flags: string }>(truth('drgn/pagetable.jsonl.zst'));
      assert.ok(runs.length > 500);
      const wrong: string[] = [];
      for (const { va, level, n, phys } of runs) {
        const size = 4096 * 512 ** (level - 1);
        for (const step of n === 1 ? [0] : [0, n - 1]) {
          const walk = session.translate(addToAddress(addressOf(va), step * size));
          const expected = `0x${(BigInt(phys) + BigInt(step * size)).toString(16)}`;
          if (walk.physical !== expected || walk.pageSize !== size)
            wrong.push(`${va} step ${step}: ${walk.physical} page ${walk.pageSize}, drgn ${expected} page ${size}`);
        }
      }
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} wrong`);
    });

    test("every entry of the test process's table equals drgn", { skip: whole ? false : 'its truth is for the whole dump' }, () => {
      const entries = jsonLines<{ va: string; level?: number; entry: string; at: string }>(truth('drgn/user_pagetable.jsonl'));
      const user = readFileSync(truth('guest/user.pid'), 'utf8').trim();
      const wrong: string[] = [];
      let checked = 0;
      for (const { va, level, entry, at } of entries) {
        if (level === undefined) continue;
        checked++;
        const last = session.translate(addressOf(va), user).levels.at(-1);
        if (last?.entry !== entry || last.entryAddress !== at)
          wrong.push(`${va}: ${last?.entry} at ${last?.entryAddress}, drgn ${entry} at ${at}`);
      }
      assert.ok(checked > 1000);
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${checked}`);
    });

    test('vmap areas equal drgn', () => {
      const areas = jsonLines<DrgnArea>(truth('drgn/vmap_areas.jsonl'));
      const facts = session.vmalloc();
      for (const where of ['busy', 'lazy'] as const) {
        const ours = where === 'busy' ? facts.areas : facts.lazy;
        const theirs = areas.filter((area) => area.where === where);
        assert.ok(theirs.length > 0);
        assert.deepEqual(
          ours.map((area) => `${area.address} ${area.node} ${area.start}-${area.end} ${area.flags.join('|')}`),
          theirs.map((area) => {
            const bits = Number(area.flags) & 3;
            const flags = [bits & 1 ? 'VM_RAM' : '', bits & 2 ? 'VM_BLOCK' : ''].filter((word) => word !== '').join('|');
            return `${area.ptr} ${area.node} ${area.va_start}-${area.va_end} ${flags}`;
          }),
        );
        if (where === 'lazy') continue;
        assert.deepEqual(
          ours.map((area) => `${area.vm ?? 'none'} ${area.pages ?? 0} ${area.physical ?? '0x0'} ${symbolic(area.caller)}`),
          theirs.map(({ vm }) =>
            vm === null || vm === undefined ? 'none 0 0x0 none' : `${vm.ptr} ${vm.nr_pages} ${vm.phys_addr} ${vm.caller_sym ?? 'none'}`,
          ),
        );
      }
    });

    test('vmap_blocks equal drgn', () => {
      const blocks = jsonLines<DrgnBlock>(truth('drgn/vmap_blocks.jsonl')).filter((line) => 'ptr' in line);
      const ours = session.vmalloc().areas.filter(({ block }) => block !== null);
      assert.ok(blocks.length > 3);
      assert.deepEqual(
        ours
          .map(({ start, block }) => {
            if (block === null) return '';
            const { address, free, dirty, dirtyMin, dirtyMax, used, cpu } = block;
            return JSON.stringify({ start, address, free, dirty, dirtyMin, dirtyMax, used, cpu });
          })
          .sort(),
        blocks
          .map((block) =>
            JSON.stringify({
              start: block.va_start,
              address: block.ptr,
              free: block.free,
              dirty: block.dirty,
              dirtyMin: block.dirty_min,
              dirtyMax: block.dirty_max,
              used: block.used_map.runs.map(([first, end]) => [first, end - first]),
              cpu: block.cpu,
            }),
          )
          .sort(),
      );
    });

    test('vmallocinfo equals what the guest printed, where nothing changed between print and stop', () => {
      const told = readFileSync(truth('guest/vmallocinfo.txt'), 'utf8').trimEnd().split('\n');
      const ours = session.vmallocinfoText().trimEnd().split('\n');
      const areas = jsonLines<DrgnArea>(truth('drgn/vmap_areas.jsonl'));
      // Areas freed between the guest's reading and the stop are lazy in the dump: drgn is the witness.
      const freed = new Set(areas.filter(({ where }) => where === 'lazy').map(({ va_start }) => va_start));
      const busy = (line: string): boolean => !line.endsWith('unpurged vm_area') && !freed.has(line.slice(0, line.indexOf('-')));
      assert.deepEqual(ours.filter(busy), told.filter(busy));
    });

    test('tasks, modules and VMAs equal drgn', () => {
      const tasks = jsonLines<{ pid: number; comm: string; task: string; mm: string; pgd: string | null; stack: string }>(
        truth('drgn/tasks.jsonl'),
      );
      assert.deepEqual(
        session
          .tasks()
          .map(({ pid, comm, task, mm, pgd, stack }) => `${pid} ${comm} ${task} ${mm ?? '0x0'} ${pgd} ${stack}`)
          .sort(),
        tasks.map(({ pid, comm, task, mm, pgd, stack }) => `${pid} ${comm} ${task} ${mm} ${pgd} ${stack}`).sort(),
      );
      const modules = jsonLines<{ name: string; module: string; mem: { base: string; size: number }[] }>(truth('drgn/modules.jsonl'));
      assert.deepEqual(
        session.modules().map((module) => `${module.name} ${module.address} ${module.ranges.map(({ start }) => start).join(' ')}`),
        modules.map(
          (module) =>
            `${module.name} ${module.module} ${module.mem
              .filter(({ size }) => size > 0)
              .map(({ base }) => base)
              .join(' ')}`,
        ),
      );
    });

    test('every live page of the test module reads back its pattern', () => {
      const lines = readFileSync(truth('guest/fxvm.txt'), 'utf8').split('\n');
      const parse = (tag: string): Record<string, unknown>[] =>
        lines.filter((line) => line.startsWith(`${tag} `)).map((line) => JSON.parse(line.slice(tag.length + 1)) as Record<string, unknown>);
      // A mapping that was taken away later is told again with its new state: the last word counts.
      const states = new Map(parse('FXVM').map(({ name: area, state }) => [area, state]));
      const live = new Set([...states].filter(([, state]) => state === 'live').map(([area]) => area));
      let pages = 0;
      const wrong: string[] = [];
      for (const { name: area, addr, pool, pfns } of parse('FXPG')) {
        if (!live.has(area)) continue;
        (pfns as number[]).forEach((pfn, index) => {
          if (pfn <= 0) return;
          pages++;
          const address = addToAddress(addressOf(String(addr)), index * 4096);
          const { physical } = session.translate(address);
          // The page's number in its pool stands in bits 12-31: several mappings show the same pages in other orders.
          const expected = (0x4658n << 16n) | BigInt(Number(pool));
          const { bytes, holes } = session.readVirtual(address, 8);
          const word = new DataView(bytes.buffer).getBigUint64(0, true);
          // The small file leaves out some of the module's pages: then that must be what is told.
          if (!whole && holes[0]?.reason.kind === 'excluded' && physical === `0x${(pfn * 4096).toString(16)}`) return;
          if (physical !== `0x${(pfn * 4096).toString(16)}` || holes.length > 0 || word >> 32n !== expected) {
            wrong.push(
              `${String(area)} ${address.toString(16)}: frame ${physical}, want pfn ${pfn}; word ${word.toString(16)}, want ${expected.toString(16)}; ${holes[0]?.reason.message ?? ''}`,
            );
          }
        });
      }
      assert.ok(pages > 500, `only ${pages} pages`);
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${pages}`);
    });

    test('no warnings', { skip: whole ? false : 'the small file leaves pages out on purpose' }, () => {
      session.info();
      assert.deepEqual(session.warnings(), []);
    });
  });
}

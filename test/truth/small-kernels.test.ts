/** The small kernels of every architecture: everything they printed about themselves, byte for byte. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { toAddress } from '../../debug-adapter/base/address.ts';
import { computedMarkers, ptdumpMarkers } from '../../debug-adapter/kernel/layout/ptdump-markers.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';
import { smallMachines } from '../support/processes.ts';

for (const name of smallMachines) {
  const skip = absent(name);
  describe(name, { skip: skip ?? false }, () => {
    let session: Session;
    before(() => {
      session = openSession(nodeHost(), { paths: [expandedDump(name, 'vmcore.elf')] });
    });
    after(() => {
      session.close();
    });
    const folder = dumpFolder(name);
    const truth = folder === undefined ? [] : readdirSync(join(folder, 'truth'));
    for (const file of truth.filter((one) => one.startsWith('ptdump-'))) {
      test(file, () => {
        const [, kind, pid] = /^ptdump-(\w+?)(?:-(\d+))?\.txt$/.exec(file) ?? [];
        const mm = pid ?? kind ?? '';
        const text = session.ptdumpLines({ mm, user: kind === 'current_user' }).map((line) => `${line.text}\n`);
        assert.equal(text.join(''), truthText(name, file));
      });
    }
    test('vmallocinfo', () => {
      assert.equal(session.vmallocinfoText(), truthText(name, 'vmallocinfo.txt'));
    });
    test("with holes the regions follow each other without a gap, and without them they are the kernel's", () => {
      const lines = session.ptdumpLines({ holes: true });
      let end: string | undefined;
      for (const { region, text } of lines) {
        // Lines that the kernel leaves out of the espfix area are told by their number.
        if (text.endsWith('skipped ... ')) end = undefined;
        if (region === null) continue;
        if (end !== undefined) assert.equal(region.start, end);
        end = region.end;
      }
      const printsHoles = session.ptdumpLines({}).some(({ region }) => region?.attributes.length === 0);
      const kept = lines.filter(({ region }) => printsHoles || region?.attributes.length !== 0);
      assert.equal(kept.map((line) => `${line.text}\n`).join(''), truthText(name, 'ptdump-kernel.txt'));
    });
    test('a range gives the lines that overlap it, under their markers', () => {
      const lines = session.ptdumpLines({});
      const region = lines.filter((line) => line.region?.present === true)[7]?.region;
      assert.ok(region);
      const start = addressOf(region.start);
      const found = session.ptdumpLines({ range: { start: toAddress(start + 1n), end: toAddress(start + 2n) } });
      const at = lines.findIndex((line) => line.region?.start === region.start);
      const marker = lines.slice(0, at).findLast((line) => line.region === null);
      assert.deepEqual(found, [marker, lines[at]]);
    });
    test("markers computed from the layout are the kernel's own", () => {
      const own = ptdumpMarkers(session.kernel, 'kernel');
      const computed = computedMarkers(session.kernel);
      // s390's areas that only its boot code knows.
      const missing = own.filter((marker) => !computed.some((other) => other.address === marker.address && other.name === marker.name));
      assert.deepEqual(
        missing.map((marker) => marker.name).filter((text) => !/^(Lowcore|Kernel Virtual)/.test(text)),
        [],
      );
      assert.deepEqual(
        computed.filter((marker) => !own.some((other) => other.address === marker.address && other.name === marker.name)),
        [],
      );
    });
    test('a root by its physical address is the process that has it', () => {
      const [, pid, root] = [...truthText(name, 'dmesg.txt').matchAll(/FX2 pgd pid=([1-9]\d*) .* pgd_pa=(0x[0-9a-f]+)/g)].at(-1) ?? [];
      assert.ok(pid !== undefined && root !== undefined);
      assert.deepEqual(session.ptdumpLines({ mm: root }), session.ptdumpLines({ mm: pid }));
    });
    for (const file of truth.filter((one) => one.startsWith('pagemap-'))) {
      test(`${file}: the frame of every page that is present`, () => {
        const pid = /\d+/.exec(file)?.[0] ?? '';
        const wrong = differentFrames(session, pid, truthText(name, file));
        assert.ok(wrong.present > 20, `only ${wrong.present} pages are present`);
        assert.deepEqual(wrong.lines, []);
      });
    }
    if (truth.includes('vmap-drgn.txt')) {
      test('vmap areas and blocks as drgn read them', () => {
        compareWithDrgn(session, truthText(name, 'vmap-drgn.txt'));
      });
    }
    test('every page that the driver filled reads back', () => {
      const { pages, words } = filledPages(session, truthText(name, 'dmesg.txt'));
      assert.ok(pages > 100, `only ${pages} pages were named by the driver`);
      assert.deepEqual(words, []);
    });
    test('no warnings', () => {
      assert.deepEqual(session.warnings(), []);
    });
  });
}

/** Lines `ADDRESS ENTRY` of /proc/PID/pagemap: the frame number stands in bits 0-54 where bit 63 says present. */
function differentFrames(session: Session, pid: string, text: string): { present: number; lines: string[] } {
  const memory = session.memory(pid);
  const perPage = session.kernel.pageSize / 4096;
  const lines: string[] = [];
  let present = 0;
  for (const [line, address, entry] of text.matchAll(/^(?:0x)?([0-9a-f]+) (?:0x)?([0-9a-f]{16})$/gm)) {
    const value = BigInt(`0x${entry ?? ''}`);
    if (value >> 63n === 0n) continue;
    present++;
    const frame = memory.frameOf(Number(BigInt(`0x${address ?? ''}`) >> 12n));
    if (frame !== Number(value & ((1n << 55n) - 1n)) * perPage) lines.push(`${line}: 0x${frame.toString(16)}`);
  }
  return { present, lines };
}

/** Lines `busy|lazy node=0 0xA-0xB flags=F …`, ascending, and `block cpu=… vb=… va=… free=… dirty=… used_map=0x…`. */
function compareWithDrgn(session: Session, text: string): void {
  const facts = session.vmalloc();
  const lines = text.split('\n');
  for (const [where, areas] of [
    ['busy', facts.areas],
    ['lazy', facts.lazy],
  ] as const) {
    const told = lines.filter((line) => line.startsWith(`${where} `));
    assert.ok(told.length > 0, `drgn told no ${where} areas`);
    const ours = areas.map(
      (area) =>
        `node=${area.node} ${area.start}-${area.end} flags=${area.flags.map((flag) => flag.replace('VM_', 'VMAP_')).join('|') || '0'}`,
    );
    assert.deepEqual(ours.sort(), told.map((line) => / (node=\d+ \S+ flags=\S+)/.exec(line)?.[1] ?? '').sort());
  }
  const blocks = lines.filter((line) => line.startsWith('block '));
  const withBlock = facts.areas.filter((area) => area.block !== null);
  assert.deepEqual(
    withBlock
      .map(({ start, block }) => {
        assert.ok(block?.used);
        const map = block.used.reduce((bits, [first, count]) => bits | (((1n << BigInt(count)) - 1n) << BigInt(first)), 0n);
        return `cpu=${block.cpu} vb=${block.address} va=${start} free=${block.free} dirty=${block.dirty} dirty_min=${block.dirtyMin} dirty_max=${block.dirtyMax} used_map=0x${map.toString(16)}`;
      })
      .sort(),
    blocks
      .map((line) => {
        const field = (name: string): string => new RegExp(` ${name}=(\\S+)`).exec(line)?.[1] ?? '';
        const map = BigInt(field('used_map')).toString(16);
        return `cpu=${field('cpu')} vb=${field('vb')} va=${field('va')} free=${field('free')} dirty=${field('dirty')} dirty_min=${field('dirty_min')} dirty_max=${field('dirty_max')} used_map=0x${map}`;
      })
      .sort(),
  );
}

/** Checks every `FX2 page` line: the frame behind the address and the first word of the page. */
function filledPages(session: Session, dmesg: string): { pages: number; words: string[] } {
  const words: string[] = [];
  let pages = 0;
  const told = [...dmesg.matchAll(/FX2 page .* va=(0x[0-9a-f]+) pa=(0x[0-9a-f]+) w0=(0x[0-9a-f]+)/g)];
  // Some areas map a frame that another area maps too: it holds one of the words told for it.
  const byFrame = new Map<string, Set<string>>();
  for (const [, , frame, word] of told) byFrame.set(frame ?? '', (byFrame.get(frame ?? '') ?? new Set()).add(word ?? ''));
  for (const match of told) {
    const [line] = match;
    pages++;
    const address = addressOf(match[1] ?? '');
    const { bytes, holes } = session.readVirtual(address, 8);
    const word = new DataView(bytes.buffer).getBigUint64(0, session.kernel.machine.littleEndian);
    const { physical } = session.translate(address);
    const expected = byFrame.get(match[2] ?? '')?.has(`0x${word.toString(16)}`) === true;
    if (holes.length > 0 || !expected || physical !== match[2]) words.push(`${line}: read 0x${word.toString(16)} at ${physical}`);
  }
  return { pages, words };
}

/**
 * What makedumpfile itself makes of real dumps, where it is installed: every form has the ELF dump's pages and answers as it
 * does. The shared folder holds such files too (test/image/kdump.test.ts, flattened.test.ts, split.test.ts).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAddress } from '../../debug-adapter/base/address.ts';
import type { HoleKind } from '../../debug-adapter/memory/hole.ts';
import type { Image } from '../../debug-adapter/image/image.ts';
import { openImage } from '../../debug-adapter/image/open-image.ts';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, expandedDump } from '../support/dumps.ts';

const missing = spawnSync('makedumpfile', ['-v']).status === 0 ? undefined : 'needs makedumpfile, which is not installed';
const folder = mkdtempSync(join(tmpdir(), 'pagewalk-makedumpfile-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** QEMU's program headers stand where makedumpfile does not look for them: behind the ELF header, at 64. */
function movedHeaders(from: string, to: string): void {
  copyFileSync(from, to);
  const file = openSync(to, 'r+');
  const header = Buffer.alloc(64);
  readSync(file, header, 0, 64, 0);
  const view = new DataView(header.buffer, header.byteOffset);
  const little = header[5] === 1;
  const programs = Buffer.alloc(view.getUint16(54, little) * view.getUint16(56, little));
  readSync(file, programs, 0, programs.length, Number(view.getBigUint64(32, little)));
  view.setBigUint64(32, 64n, little);
  view.setBigUint64(40, 0n, little);
  header.fill(0, 58, 64);
  writeSync(file, Buffer.concat([header, programs]), 0, 64 + programs.length, 0);
  closeSync(file);
}

/** In makedumpfile's own words, why it does not make a form; undefined where it does. */
function make(what: string, ...options: string[]): string | undefined {
  const made = spawnSync('makedumpfile', options, { cwd: folder, maxBuffer: 2 ** 30 });
  if (options.includes('-F')) writeFileSync(join(folder, what), made.stdout);
  if (made.status === 0) return undefined;
  const said = [...(options.includes('-F') ? [] : [made.stdout]), made.stderr].join('');
  const why = said.split(/[\r\n]+/).find((line) => /can't|contain|support|invalid/i.test(line));
  return `makedumpfile does not take this dump: ${why ?? 'it does not say why'}`;
}

/** The forms: how they are made, how they are told, whether they tell zero pages from excluded ones. */
const forms: readonly { readonly name: string; readonly options: readonly string[]; readonly format: RegExp; readonly level: number }[] = [
  { name: 'zlib', options: ['-c', '-d', '0'], format: /^kdump-compressed$/, level: 0 },
  { name: 'lzo', options: ['-l', '-d', '1'], format: /^kdump-compressed$/, level: 1 },
  { name: 'plain', options: ['-d', '1'], format: /^kdump-compressed$/, level: 1 },
  { name: 'elf', options: ['-E', '-d', '0'], format: /^ELF vmcore$/, level: 0 },
  { name: 'flat', options: ['-F', '-c', '-d', '1'], format: /^flattened kdump-compressed$/, level: 1 },
  { name: 'flat-elf', options: ['-F', '-E', '-d', '0'], format: /^flattened ELF vmcore$/, level: 0 },
  { name: 'split.1,split.2,split.3', options: ['--split', '-c', '-d', '1'], format: /^split kdump-compressed \(3 files\)$/, level: 1 },
  // Filters of a makedumpfile that does not know the kernel take kernel data for free pages: only the pages are compared.
  { name: 'filtered', options: ['-l', '-d', '31'], format: /^kdump-compressed$/, level: 31 },
  { name: 'filtered-elf', options: ['-E', '-d', '31'], format: /^ELF vmcore$/, level: 31 },
  { name: 'filtered.1,filtered.2', options: ['--split', '-c', '-d', '31'], format: /^split kdump-compressed \(2 files\)$/, level: 31 },
];

function pathsOf(form: string): string[] {
  return form.split(',').map((file) => join(folder, file));
}

const fourGiB = 2 ** 32;

/** How many frames of each kind; those that are there equal the whole dump's. */
function compare(image: Image, whole: Image): { same: number; zeros: number; holes: Partial<Record<HoleKind, number>> } {
  const counts = { same: 0, zeros: 0, holes: {} as Partial<Record<HoleKind, number>> };
  for (const { start, end } of whole.memory.ranges) {
    // QEMU dumps the firmware's ROM too, right below 4 GiB; makedumpfile leaves out what lies above all RAM.
    if (end === fourGiB) continue;
    for (let frame = Math.ceil(start / 4096); frame < Math.floor(end / 4096); frame++) {
      const expected = whole.memory.frame(frame);
      const actual = image.memory.frame(frame);
      if (actual === undefined) {
        const kind = image.memory.partialFrame(frame).holes[0]?.reason.kind ?? 'wild-table';
        counts.holes[kind] = (counts.holes[kind] ?? 0) + 1;
        continue;
      }
      assert.equal(Buffer.compare(actual, expected ?? new Uint8Array()), 0, `frame ${frame}`);
      if (actual.every((byte) => byte === 0)) counts.zeros++;
      else counts.same++;
    }
  }
  return counts;
}

const addresses = 40;

for (const [name, file] of [
  ['x86-64', 'vmcore.elf'],
  ['x86-64-debian-6.12', 'dump.elf'],
  ['x86-64-efi', 'vmcore.elf'],
  ['x86-64-kasan', 'vmcore.elf'],
  ['i386-pae-pti', 'vmcore.elf'],
  ['arm64-4k', 'vmcore.elf'],
  ['arm64-64k', 'vmcore.elf'],
  ['riscv64-sv48', 'vmcore.elf'],
  ['s390x', 'vmcore.elf'],
  ['ppc64le', 'vmcore.elf'],
] as const) {
  describe(`makedumpfile's forms of ${name}`, { skip: missing ?? absent(name) ?? false }, () => {
    let whole: Image | undefined;
    let session: Session | undefined;
    /** Why there is not each form: makedumpfile is built for one architecture. (machine-forms.test.ts makes them of every machine.) */
    const refusals = new Map<string, string>();
    before(() => {
      movedHeaders(expandedDump(name, file), join(folder, 'in.elf'));
      whole = openImage(nodeHost(), [join(folder, 'in.elf')]);
      session = openSession(nodeHost(), { paths: [join(folder, 'in.elf')] });
      for (const { name: form, options } of forms) {
        const refusal = make(form, ...options, 'in.elf', ...(options.includes('-F') ? [] : form.split(',')));
        if (refusal !== undefined) refusals.set(form, refusal);
      }
      if (process.arch === 'x64' && name.startsWith('x86-64')) assert.deepEqual([...refusals], []);
    });
    after(() => {
      whole?.close();
      session?.close();
      for (const form of [...forms.map((one) => one.name), 'in.elf', 'joined', 'rearranged'])
        for (const path of pathsOf(form)) rmSync(path, { force: true });
    });

    for (const { name: form, options, format, level } of forms) {
      test(`${form} (${options.join(' ')})`, (t) => {
        const refusal = refusals.get(form);
        if (refusal !== undefined) {
          t.skip(refusal);
          return;
        }
        assert.ok(whole !== undefined && session !== undefined);
        const image = openImage(nodeHost(), pathsOf(form));
        assert.match(image.format, format);
        assert.deepEqual(image.warnings, []);
        const counts = compare(image, whole);
        t.diagnostic(JSON.stringify(counts));
        // Only the dump level's pages are missing, and only as such; a zero page is there, whatever the level.
        if (level < 2) assert.deepEqual(counts.holes, {});
        else assert.ok(Object.keys(counts.holes).length > 0);
        assert.ok(counts.same > 5000);
        assert.deepEqual(
          Object.keys(counts.holes).filter((kind) => kind !== (form.includes('elf') ? 'zero-filled' : 'excluded')),
          [],
        );
        if (!form.includes('elf')) assert.equal(image.dumpLevel, level);
        image.close();
        if (level > 1) return;

        const opened = openSession(nodeHost(), { paths: pathsOf(form) });
        const starts = session.ptdumpLines({}).flatMap(({ text }) => /^0x[0-9a-f]{16}/.exec(text)?.[0] ?? []);
        assert.deepEqual(opened.ptdumpLines({}), session.ptdumpLines({}));
        for (let index = 0; index < addresses; index++) {
          const address = parseAddress(starts[Math.floor((index * starts.length) / addresses)] ?? '');
          assert.ok(address !== undefined);
          assert.deepEqual(opened.translate(address), session.translate(address));
        }
        assert.deepEqual(opened.vmalloc(), session.vmalloc());
        assert.deepEqual(opened.tasks(), session.tasks());
        opened.close();
      });
    }

    test('makedumpfile joins and rearranges what is read in place', (t) => {
      const refusal = refusals.get('split.1,split.2,split.3') ?? refusals.get('flat');
      if (refusal !== undefined) {
        t.skip(refusal);
        return;
      }
      for (const [form, ...options] of [
        ['joined', '--reassemble', 'split.1', 'split.2', 'split.3', 'joined'],
        ['rearranged', '-R', 'rearranged'],
      ] as const) {
        rmSync(join(folder, form), { force: true });
        const input = form === 'rearranged' ? openSync(join(folder, 'flat'), 'r') : 'ignore';
        const made = spawnSync('makedumpfile', options, { cwd: folder, stdio: [input, 'pipe', 'pipe'] });
        if (typeof input === 'number') closeSync(input);
        assert.equal(made.status, 0, made.stderr.toString());
        const plain = openImage(nodeHost(), [join(folder, form)]);
        const inPlace = openImage(nodeHost(), pathsOf(form === 'joined' ? 'split.1,split.2,split.3' : 'flat'));
        for (let frame = 0; frame < 65_536; frame++)
          assert.equal(
            Buffer.compare(inPlace.memory.frame(frame) ?? Buffer.from('none'), plain.memory.frame(frame) ?? Buffer.from('none')),
            0,
          );
        plain.close();
        inPlace.close();
      }
    });
  });
}

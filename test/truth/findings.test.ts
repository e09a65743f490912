/** Findings on real dumps: exactly the damage that the test driver did, and the one page that it made writable and executable. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { FindingFacts, FindingsFacts } from '../../debug-adapter/protocol/facts.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import type { Session } from '../../debug-adapter/session/session.ts';
import { absent, addressOf, bundled, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';

const machines = ['x86-64', 'x86-64-efi', 'x86-64-kasan', 'i386-pae-pti', 'arm64-4k', 'arm64-64k', 'riscv64-sv48', 's390x', 'ppc64le'];

/** What each kind of damage may be told as; where two, the CPU's width of physical addresses decides. */
const kindsOf: Readonly<Record<string, readonly FindingFacts['kind'][]>> = {
  wild_table_beyond_ram: ['wild-table', 'reserved-bits'],
  reserved_bits: ['reserved-bits', 'wild-table'],
  table_is_itself: ['table-loop'],
  table_in_mmio_hole: ['wild-table'],
  table_is_data_page: ['wild-table'],
  all_ones: ['reserved-bits'],
  huge_leaf_beyond_ram_misaligned: ['reserved-bits'],
  desync_clear: ['root-out-of-sync'],
  desync_stale: ['root-out-of-sync'],
};

interface Damage {
  readonly what: string;
  readonly virtual: string;
  readonly level: string;
  readonly entryAddress: string;
  readonly entry: string;
}

function damageOf(dmesg: string): Damage[] {
  return [...dmesg.matchAll(/FX2 damage what=(\S+) va=(\S+) level=(\S+) entry_va=\S+ entry_pa=(\S+) old=\S+ new=(\S+)/g)].map(
    ([, what = '', virtual = '', level = '', entryAddress = '', entry = '']) => ({ what, virtual, level, entryAddress, entry }),
  );
}

const place = ({ virtual, level, entryAddress, entry }: Damage | FindingFacts): string => `${virtual} ${level} ${entry} at ${entryAddress}`;

/** The page that the driver made writable and executable (`prot` lines), wherever it is mapped. */
function checkDriversPage(session: Session, name: string, found: readonly FindingFacts[]): void {
  const address = /FX2 prot va=(\S+) pages=1 op=set_memory_x r=0/.exec(truthText(name, 'dmesg.txt'))?.[1];
  assert.ok(address);
  const { physical } = session.translate(addressOf(address));
  assert.ok(found.some(({ virtual }) => virtual === address));
  for (const { virtual, end, mm, owner, message } of found) {
    assert.equal(session.translate(addressOf(virtual)).physical, physical, virtual);
    assert.equal(addressOf(end) - addressOf(virtual), BigInt(session.info().pageSize));
    assert.equal(mm, 'kernel');
    assert.match(message, /^pte entry 0x[0-9a-f]+ at 0x[0-9a-f]+: (4|64)K writable and executable: .*; allows the kernel both/);
    if (virtual === address) assert.match(owner?.summary ?? '', /vmalloc area .* of fx2_init\+/);
  }
}

for (const name of machines) {
  const folder = dumpFolder(name);
  const labels =
    folder === undefined ? [] : readdirSync(join(folder, 'truth')).flatMap((file) => /^dmesg-(\S+)\.txt$/.exec(file)?.[1] ?? []);
  describe(name, { skip: absent(name) ?? false }, () => {
    describe('the healthy dump', () => {
      let session: Session;
      let facts: FindingsFacts;
      before(() => {
        session = openSession(nodeHost(), { paths: [expandedDump(name, 'vmcore.elf')] });
        facts = session.findings({});
      });
      after(() => {
        session.close();
      });

      test("nothing is found but the driver's page", () => {
        assert.deepEqual(facts.findings.filter(({ kind }) => kind !== 'writable-executable').map(place), []);
        checkDriversPage(session, name, facts.findings);
        assert.deepEqual(facts.warnings, []);
      });

      test("the kernel's own check would have counted what it printed", () => {
        const last = [...truthText(name, 'dmesg.txt').matchAll(/Checked W\+X mappings: (?:failed|FAILED|passed), (no|\d+) W\+X pages/g)].at(
          -1,
        )?.[1];
        assert.ok(last);
        assert.equal(facts.debugWx?.pages, last === 'no' ? 0 : Number(last));
        assert.equal(truthText(name, 'check_wx_pages.txt').trim(), facts.debugWx.pages === 0 ? 'SUCCESS' : 'FAILED');
        // Blind where it counts less than there are.
        const pages = facts.findings.filter(({ kind }) => kind === 'writable-executable').length;
        assert.equal(facts.debugWx.note !== null, facts.debugWx.pages < pages);
      });

      test("the kernel's page table alone", () => {
        const own = session.findings({ mm: 'kernel' });
        assert.deepEqual(own.findings.map(place), facts.findings.map(place));
        assert.ok(own.tables < facts.tables);
      });
    });

    for (const label of labels) {
      test(`${label}: each damage is one finding, and nothing else is found`, () => {
        const session = openSession(nodeHost(), { paths: [expandedDump(name, `vmcore-${label}.elf`)] });
        try {
          const { findings } = session.findings({});
          const damage = damageOf(truthText(name, `dmesg-${label}.txt`));
          assert.ok(damage.length > 0);
          const [rights, others] = [
            findings.filter(({ kind }) => kind === 'writable-executable'),
            findings.filter(({ kind }) => kind !== 'writable-executable'),
          ];
          checkDriversPage(session, name, rights);
          assert.deepEqual(others.map(place).sort(), damage.map(place).sort());
          for (const one of damage) {
            const found = others.find((finding) => place(finding) === place(one));
            assert.ok(
              found !== undefined && kindsOf[one.what]?.includes(found.kind) === true,
              `${one.what} is told as ${found?.kind ?? 'nothing'}`,
            );
            checkWalk(session, found);
          }
        } finally {
          session.close();
        }
      });
    }
  });
}

/** The walk of a finding's address tells it too: as what is wrong with the entry, or as why it ends there. */
function checkWalk(session: Session, finding: FindingFacts): void {
  if (finding.kind === 'root-out-of-sync') return;
  const walk = session.translate(addressOf(finding.virtual), finding.mm);
  const level = walk.levels.find((one) => one.entryAddress === finding.entryAddress);
  assert.equal(level?.entry, finding.entry);
  const wrong = level.defect ?? walk.reason ?? '';
  if (finding.kind === 'table-loop') assert.match(wrong, /points back to the pmd table/);
  else assert.match(wrong, /reserved|points to a|is no pte table but|PAT slot|above 2\^53|not aligned/, wrong);
}

describe('wherever the dump comes from', () => {
  test('the bundled vmcore: nothing is found', () => {
    const session = openSession(nodeHost(), { paths: [bundled.image] });
    const facts = session.findings({});
    assert.deepEqual(facts.findings, []);
    assert.equal(facts.debugWx?.pages, 0);
    assert.ok(facts.tables > 200);
    session.close();
  });

  const debian = 'x86-64-debian-6.12';
  test('a distribution kernel, whole and as every kind of kdump file', { skip: absent(debian) ?? false }, () => {
    const mini = join(dumpFolder(debian) ?? '', 'mini');
    const files = readdirSync(mini).filter((file) => file.endsWith('.kdump'));
    assert.ok(files.length >= 5);
    for (const path of [expandedDump(debian, 'dump.elf'), ...files.map((file) => join(mini, file))]) {
      const session = openSession(nodeHost(), { paths: [path] });
      const facts = session.findings({});
      assert.deepEqual(facts.findings, [], path);
      assert.ok(facts.tables > 100, path);
      session.close();
    }
  });
});

describe('the verb', { skip: absent('x86-64') ?? false }, () => {
  const program = resolve(import.meta.dirname, '../../dist/pagewalk.js');
  const run = (...args: string[]): { status: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'check', ...args], { encoding: 'utf8' });
    return { status, out: stdout, err: stderr };
  };

  test('prints a line a finding and a summary; exit status 3', () => {
    const { status, out, err } = run(expandedDump('x86-64', 'vmcore-corrupt-user.elf'), '--mm', '35');
    assert.equal(err, '');
    assert.equal(status, 3);
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.length, 9);
    assert.match(lines[0] ?? '', /^wild-table {11}0x600000 {12}35 fxprocB: pmd entry 0xdeadbee067 at 0x1656018: points to a pte table/);
    assert.match(lines.at(-1) ?? '', /^8 findings \(.*4 wild-table.*\) in \d+ page tables of 2 roots$/);
  });

  test('--json has the shape that scripts rely on', () => {
    const { status, out } = run(expandedDump('x86-64', 'vmcore.elf'), '--json');
    assert.equal(status, 3);
    const { findings } = JSON.parse(out) as FindingsFacts;
    assert.equal(findings.length, 1);
    const [finding] = findings;
    for (const key of ['kind', 'virtual', 'entryAddress', 'entry', 'mm', 'message'] as const) assert.equal(typeof finding?.[key], 'string');
    assert.match(finding?.virtual ?? '', /^0x[0-9a-f]+$/);
  });

  test('exit status 0 where nothing is found, 1 for a process that does not exist', () => {
    const clean = run(bundled.image);
    assert.equal(clean.status, 0);
    assert.match(clean.out, /^no findings in \d+ page tables of \d+ roots; the kernel's own check \(DEBUG_WX\) counts 0 W\+X pages\n$/);
    assert.equal(run(bundled.image, '--mm', '999999').status, 1);
  });
});

test('what is not checked for want of types is told in one sentence', { skip: absent('x86-64-debian-6.12') ?? false }, () => {
  const session = openSession(nodeHost(), { paths: [join(dumpFolder('x86-64-debian-6.12') ?? '', 'mini/mini-zlib.kdump')] });
  const { warnings } = session.findings({});
  const all = [...new Set([...warnings, ...session.warnings()])].filter((warning) => /type information|cannot be listed/.test(warning));
  assert.equal(all.length, 1, all.join('\n'));
  assert.match(all[0] ?? '', /^checking processes and the vmalloc space needs type information/);
  session.close();
});

/** Page tables of real machines compared: the verb, held against the kernels' own texts and pagemaps. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { nodeHost } from '../../debug-adapter/platform/node-host.ts';
import type { PtdumpChangeFacts, PtdumpDiffFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PtdumpPage } from '../../debug-adapter/protocol/requests.ts';
import { openSession } from '../../debug-adapter/session/session.ts';
import { absent, bundled, dumpFolder, expandedDump, truthText } from '../support/dumps.ts';
import { runInProcess } from '../support/in-process.ts';
import type { Said } from '../support/in-process.ts';
import { RawClient } from '../dap/raw-client.ts';

const root = resolve(import.meta.dirname, '../..');

const pagewalk = (...argv: string[]): Promise<Said> => runInProcess(nodeHost(), ...argv);

async function facts(...argv: string[]): Promise<PtdumpDiffFacts> {
  const { text, status } = await pagewalk('diff', ...argv, '--json');
  const found = JSON.parse(text) as PtdumpDiffFacts;
  assert.equal(status, found.changes.length === 0 ? 0 : 1);
  return found;
}

function truthPath(name: string, file: string): string {
  return join(dumpFolder(name) ?? '', 'truth', file);
}

/** A change without what only an image knows: frames. Undefined for a change of nothing else. */
function asText(change: PtdumpChangeFacts): string | undefined {
  const what = change.what.filter((subject) => subject !== 'frame');
  if (what.length === 0) return undefined;
  const side = (of: PtdumpChangeFacts['before']): string => (of === null ? 'nothing' : `${of.attributes.join(' ')} ${of.level}`);
  return `${change.kind} ${change.start}-${change.end} ${what.join()}: ${side(change.before)} -> ${side(change.after)}`;
}

const asTexts = ({ changes }: PtdumpDiffFacts): string[] => changes.flatMap((change) => asText(change) ?? []);

/** Frames by virtual address of the pages that /proc/PID/pagemap says are in memory, and that the mapping lets be used: the rest is a hole to ptdump. */
function pagemap(name: string, pid: string): Map<bigint, bigint> {
  const found = new Map<bigint, bigint>();
  let rights = '';
  for (const line of truthText(name, `pagemap-${pid}.txt`).split('\n')) {
    if (line.startsWith('#')) rights = line.split(' ')[2] ?? '';
    const [virtual, entry] = line.split(' ');
    const bits = /^[0-9a-f]{16}$/.test(entry ?? '') ? BigInt(`0x${entry ?? ''}`) : 0n;
    if (bits >> 63n === 1n && !rights.startsWith('---')) found.set(BigInt(`0x${virtual ?? ''}`), bits & ((1n << 55n) - 1n));
  }
  return found;
}

for (const [name, one, two] of [
  ['x86-64', '34', '35'],
  ['x86-64-efi', '34', '36'],
  ['x86-64-kasan', '35', '37'],
  ['i386-pae-pti', '34', '36'],
] as const) {
  describe(`${name}, processes ${one} and ${two}`, { skip: absent(name) ?? false }, () => {
    let image: string;
    let ofImages: PtdumpDiffFacts;
    before(async () => {
      image = expandedDump(name, 'vmcore.elf');
      ofImages = await facts(image, image, '--mm', one, '--mm-b', two);
    });

    test("the images differ as the kernel's texts do", async () => {
      const texts = [one, two].map((pid) => truthPath(name, `ptdump-current_kernel-${pid}.txt`));
      const ofTexts = await facts(texts[0] ?? '', texts[1] ?? '');
      assert.ok(ofTexts.changes.length > 0);
      assert.deepEqual(asTexts(ofImages), asTexts(ofTexts));
      // Without frames there is no more to tell of text.
      assert.ok(ofTexts.changes.every((change) => asText(change) !== undefined));
    });

    test("frames differ exactly where the processes' pagemaps say so", () => {
      const [first, second] = [pagemap(name, one), pagemap(name, two)];
      const changes = ofImages.changes.filter(({ what }) => what.includes('frame'));
      let differ = 0;
      for (const [virtual, frame] of first) {
        const other = second.get(virtual);
        if (other === undefined) continue;
        const told = changes.some(({ start, end }) => virtual >= BigInt(start) && virtual < BigInt(end));
        assert.equal(told, frame !== other, `0x${virtual.toString(16)}`);
        if (told) differ++;
      }
      assert.ok(differ > 10, `only ${differ} pages differ`);
    });

    test('the other way round, and with a range', async () => {
      const back = await facts(image, image, '--mm', two, '--mm-b', one);
      assert.deepEqual([back.added, back.removed, back.changed], [ofImages.removed, ofImages.added, ofImages.changed]);
      const [change] = ofImages.changes;
      assert.ok(change);
      const ranged = await facts(image, image, '--mm', one, '--mm-b', two, '--range', `${change.start}-${change.end}`);
      assert.deepEqual(ranged.changes, [change]);
    });
  });
}

for (const name of ['x86-64', 'x86-64-efi', 'x86-64-kasan', 'i386-pae-pti', 'arm64-4k', 'arm64-64k', 'riscv64-sv48', 's390x', 'ppc64le']) {
  test(
    `${name}: the kernel's text and the image do not differ, and neither does a process from itself`,
    { skip: absent(name) ?? false },
    async () => {
      const image = expandedDump(name, 'vmcore.elf');
      const same = await pagewalk('diff', truthPath(name, 'ptdump-kernel.txt'), image);
      assert.deepEqual([same.status, same.text], [0, '0 added, 0 removed, 0 changed\n']);
      const pids = readdirSync(truthPath(name, '.')).flatMap((file) => /^pagemap-(\d+)/.exec(file)?.[1] ?? []);
      assert.equal((await pagewalk('diff', image, image, '--mm', pids[0] ?? '')).status, 0);
    },
  );
}

describe('two images', { skip: absent('x86-64') ?? false }, () => {
  test('a damaged one differs in what its damage says, and what cannot be read is told with the file', async () => {
    const [image, damaged] = [expandedDump('x86-64', 'vmcore.elf'), expandedDump('x86-64', 'vmcore-corrupt-kernel.elf')];
    const said = await pagewalk('diff', image, damaged);
    assert.equal(said.status, 1);
    assert.match(said.text, /^\+ 0x[0-9a-f]{16}-0x[0-9a-f]{16} +2M USR RW PSE x pmd$/m);
    assert.match(said.text, /\n257 added, 0 removed, 0 changed; 1 became writable and executable\n$/);
    assert.ok(said.complaints.length > 0);
    for (const line of said.complaints) assert.match(line, /^pagewalk: warning: .*vmcore-corrupt-kernel\.elf: /);
  });

  test('what is neither a dump nor text is refused', async () => {
    const said = await pagewalk('diff', expandedDump('x86-64', 'vmcore.elf'), truthPath('x86-64', 'dmesg.txt'));
    assert.equal(said.status, 2);
    assert.equal(said.complaints.length, 1);
    assert.match(said.complaints[0] ?? '', /dmesg\.txt/);
  });
});

describe('pagewalk/ptdumpDiff', () => {
  const { image } = bundled;
  const client = new RawClient();
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-diff-'));
    return client.launch({ image });
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await client.body('disconnect');
  });

  const text = (): string[] => {
    const session = openSession(nodeHost(), { paths: [image] });
    try {
      return session.ptdumpLines({}).map((line) => `${line.text}\n`);
    } finally {
      session.close();
    }
  };

  test('a text, one line of which became writable', async () => {
    const lines = text();
    const index = lines.findIndex((line) => / ro .* x {2}pmd$/m.test(line));
    const other = join(folder, 'kernel.ptdump');
    writeFileSync(other, lines.map((line, at) => (at === index ? line.replace(' ro ', ' RW ') : line)).join(''));
    const found = await client.body<PtdumpDiffFacts>('pagewalk/ptdumpDiff', { other });
    assert.equal(found.changes.length, 1);
    assert.deepEqual(found.changes[0]?.what, ['rights']);
    assert.equal(found.becameWritableExecutable, 1);
    assert.deepEqual([found.before, found.after], [`${image} (kernel)`, other]);
    assert.ok(lines[index]?.startsWith(`${found.changes[0].start}-`));
  });

  test('another image by path, and two address spaces of one', async () => {
    assert.deepEqual((await client.body<PtdumpDiffFacts>('pagewalk/ptdumpDiff', { other: image })).changes, []);
    const ofVerb = await facts(image, image, '--mm', '1', '--mm-b', 'kernel');
    const ofRequest = await client.body<PtdumpDiffFacts>('pagewalk/ptdumpDiff', { mm: '1', otherMm: 'kernel' });
    assert.ok(ofVerb.changes.length > 0);
    assert.deepEqual(ofRequest, ofVerb);
  });

  test('in a thread of the built program: the same facts, with progress; and cancelled', async () => {
    const threaded = new RawClient(nodeHost(pathToFileURL(join(root, 'dist/pagewalk.js'))));
    await threaded.launch({ image }, { supportsProgressReporting: true });
    const asked = { mm: '1', otherMm: 'kernel', range: { start: '0x0', end: '0x800000000000' } };
    assert.deepEqual(await threaded.body('pagewalk/ptdumpDiff', asked), await client.body('pagewalk/ptdumpDiff', asked));
    await threaded.event(({ event, body }) => event === 'progressUpdate' && JSON.stringify({ body }).includes('"comparing"'));
    const seq = threaded.send('pagewalk/ptdumpDiff', { other: image });
    await threaded.ask('threads');
    await threaded.ask('cancel', { progressId: `request ${seq}` });
    assert.equal((await threaded.replyTo(seq)).message, 'cancelled');
    await threaded.body('disconnect');
  });

  test('two files without an open image: what the command line says, and the lines of the text with their regions', async () => {
    const lines = text();
    const other = join(folder, 'written.ptdump');
    writeFileSync(other, lines.map((line) => line.replace(' ro ', ' RW ')).join(''));
    const bare = new RawClient();
    await bare.body('initialize', { adapterID: 'pagewalk' });
    assert.deepEqual(
      await bare.body('pagewalk/ptdumpDiff', { before: image, mm: 'kernel', other }),
      await facts(image, other, '--mm', 'kernel'),
    );
    const { lines: ofText } = await bare.body<PtdumpPage>('pagewalk/ptdump', { other });
    const { lines: ofImage } = await client.body<PtdumpPage>('pagewalk/ptdump', { mm: 'kernel' });
    assert.deepEqual(
      ofText.map(({ region }) => region && [region.start, region.end, region.level]),
      ofImage.map(({ region }) => region && [region.start, region.end, region.level]),
    );
    assert.deepEqual(
      ofText.map(({ marker }) => marker === null),
      ofImage.map(({ marker }) => marker === null),
    );
    assert.match((await bare.ask('pagewalk/ptdumpDiff', { before: image })).message ?? '', /there is nothing to compare with/);
    await bare.body('disconnect');
  });

  const refused: readonly (readonly [object, RegExp])[] = [
    [{}, /there is nothing to compare with/],
    [{ otherMm: 'kernel', mm: 'kernel' }, /there is nothing to compare with/],
    [{ other: '/nowhere/vmcore' }, /no such file/],
    [{ other: [] }, /argument other cannot be used/],
    [{ otherMm: '99999' }, /no task has the PID 99999/],
    [{ other: image, range: { start: '0x2000', end: '0x1000' } }, /its end does not lie behind its start/],
  ];
  for (const [parameters, message] of refused) {
    test(`${JSON.stringify(Object.keys(parameters))} ${String(message)}`, async () => {
      const reply = await client.ask('pagewalk/ptdumpDiff', parameters);
      assert.equal(reply.success, false);
      assert.match(reply.message ?? '', message);
    });
  }
});

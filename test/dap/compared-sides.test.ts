/**
 * Any two of what the panel compares: the session's page tables now, a process's, those of a moment of its scenario, of another
 * image, and a text file. What is answered is what comparing the two texts gives.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PtdumpChangeFacts, PtdumpDiffFacts } from '../../debug-adapter/protocol/facts.ts';
import type { PtdumpPage } from '../../debug-adapter/protocol/requests.ts';
import { diffPtdumps } from '../../debug-adapter/pagetable/ptdump-diff.ts';
import { parsePtdump } from '../../debug-adapter/pagetable/ptdump-parse.ts';
import { argumentsOf, changesOf, choiceOf } from '../../extension/panels/compare-requests.ts';
import type { Side } from '../../extension/panels/compare-sides.ts';
import { root } from '../support/vscode.ts';
import { ScenarioClient } from './scenario-client.ts';

const machine = 'machine { ram 64M }\n';
const text = `${machine}let p = create_process("worker")
as p {
  let user = mmap(64K, prot: PROT_READ | PROT_WRITE)
  fault(user, write: true)
}
let a = vm_map_ram(4)
snapshot filled
vm_unmap_ram(a, 4)
let b = vmalloc(8K)
let c = vmalloc(16K)
`;

describe('what can be compared', () => {
  let session: ScenarioClient;
  let folder: string;
  const sides = new Map<string, Side>();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-sides-'));
    const scenario = join(folder, 'other.kmm');
    const image = join(folder, 'other.elf');
    const dump = join(folder, 'kernel.ptdump');
    writeFileSync(scenario, `${machine}let a = vmalloc(32K)\n`);
    const program = ['--import', 'tsx', join(root, 'debug-adapter/main-cli.ts')];
    execFileSync(process.execPath, [...program, 'run', scenario, '--save', image], { cwd: root });
    session = await ScenarioClient.launch(text);
    await session.begin();
    // To the end of the scenario, whose last statement has then not been.
    for (let line = 0; line < 8; line++) await session.move('next');
    const now: Side = { label: 'now', mm: 'kernel', user: false };
    const { lines } = await session.ask<PtdumpPage>('pagewalk/ptdump', { moment: 'start', count: 100_000 });
    writeFileSync(dump, lines.map((line) => `${line.text}\n`).join(''));
    const { spaces } = await session.ask<{ spaces: { id: string; label: string }[] }>('pagewalk/addressSpaces');
    const worker = spaces.find(({ label }) => label.includes('worker'));
    assert.ok(worker !== undefined, JSON.stringify(spaces));
    sides.set('now', now);
    sides.set('a process', { ...now, mm: worker.id });
    sides.set('a moment', { ...now, moment: 'filled' });
    sides.set('another image', { ...now, other: image });
    sides.set('a text file', { label: 'text', user: false, other: dump });
  });
  after(async () => {
    await session.end();
    rmSync(folder, { recursive: true });
  });

  const side = (name: string): Side => {
    const found = sides.get(name);
    assert.ok(found !== undefined);
    return found;
  };
  const textOf = async (of: Side): Promise<string> => {
    const { lines } = await session.ask<PtdumpPage>('pagewalk/ptdump', { ...choiceOf(of), count: 100_000 });
    return lines.map((line) => `${line.text}\n`).join('');
  };
  /** Texts tell no frames, and where the ends of one change lie among equal frames is theirs as well: pages are counted. */
  const pagesOf = (changes: readonly Pick<PtdumpChangeFacts, 'kind' | 'start' | 'end' | 'what'>[]): Record<string, bigint> => {
    const pages: Record<string, bigint> = {};
    for (const { kind, start, end, what } of changes)
      if (!(what.length === 1 && what[0] === 'frame'))
        pages[kind] = (pages[kind] ?? 0n) + ((BigInt(end) - BigInt(start)) & (2n ** 64n - 1n)) / 4096n;
    return pages;
  };

  const names = ['now', 'a process', 'a moment', 'another image', 'a text file'];
  for (const [first, second] of names.flatMap((one) => names.filter((name) => name !== one).map((name) => [one, name] as const)))
    test(`${first} and ${second}`, async () => {
      const both = { first: side(first), second: side(second) };
      const told = await session.ask<PtdumpDiffFacts>('pagewalk/ptdumpDiff', argumentsOf(both));
      const changes = changesOf(both, told.changes);
      const [one, two] = await Promise.all([textOf(both.first), textOf(both.second)]);
      const wanted = diffPtdumps(parsePtdump(one, 'one'), parsePtdump(two, 'two'));
      const hex = (page: number): string => `0x${(BigInt(page) << 12n).toString(16)}`;
      assert.ok(wanted.length > 0);
      assert.deepEqual(
        pagesOf(changes),
        pagesOf(wanted.map(({ kind, start, end, what }) => ({ kind, start: hex(start), end: hex(end), what }))),
      );
    });
});
